"""Form: what a model is taken away as. The head of the family; one file each.

A form is declared (its fields are its options). It writes files into an empty folder and stops between its parts, where
progress is told and a person may stop it. Knows nothing of queues, and imports torch inside its functions.
"""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.checkpoints.made_on import check_base
from studio.checkpoints.weights import check_stack, load_stack
from studio.errors import ModelError
from studio.merging.rounding import tell_rounding
from studio.models.architecture import describes_encoder, read_config_text
from studio.models.device import DeviceFacts
from studio.models.facts import describe_model, find_config_folder
from studio.models.loading import find_model_folder, list_end_tokens, load_tokenizer
from studio.plugins import Plugin
from studio.precisions import PRECISIONS
from studio.works.export import name_model
from studio.workspace import Workspace

Dtype = Literal["bf16", "fp16", "fp32"]
"""What each weight of an exported model is written in."""


class Source(NamedTuple):
    """What is exported: a model by its stack, and where its tasks are."""

    workspace: Workspace
    stack: Stack
    device: DeviceFacts

    @property
    def made(self) -> Checkpoint:
        """The newest change. Raises ModelError in words for a base, which nothing was made of yet."""
        if not self.stack.changes:
            raise ModelError(
                f"{self.stack.base.ref} is a base model as it was downloaded, with nothing learnt to take away. "
                "Choose what a run made, such as run:brave-otter@120.",
                field="model",
            )
        return self.stack.changes[-1]

    @property
    def below(self) -> Stack:
        """What the newest change was made on."""
        return Stack(self.stack.base, self.stack.changes[:-1])

    @property
    def title(self) -> str:
        """What people call the model."""
        return name_model(self.stack.address)

    @property
    def file_name(self) -> str:
        """The same as the beginning of a file's name: brave-otter-120."""
        return self.title.replace(", step ", "-").replace(",", "").replace(" ", "-")


class Form(Plugin):
    """A form: how large it is, who reads it, and how it is written."""

    summary: ClassVar[str]
    purpose: ClassVar[str]  # who reads it, in a few words
    parts: ClassVar[int] = 1
    needs_base: ClassVar[bool] = True
    """Whether what is written depends on what lies under the base's name."""
    writes: ClassVar[bool] = False  # whether what reads it is for nothing but writing

    def check(self, source: Source) -> None:
        """Raise ModelError or InputError in words for a model that can't be written so. Loads no weights."""

    def describe(self, source: Source) -> str:
        """Return what is written of this model, in a sentence or two. Loads no weights."""
        return self.summary

    def guess_bytes(self, source: Source) -> int | None:
        """Return about how large the file will be, None where that is little or unknown. Loads no weights."""
        return None

    def write_code(self, source: Source) -> str:
        """Return the lines of Python that load what is written, from its folder; "" where it isn't read by Python."""
        return ""

    @abstractmethod
    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write the files into an empty folder; yield after each of the `parts`, with words where there are any."""


BYTES = {"fp32": 4.0, "f32": 4.0, "bf16": 2.0, "fp16": 2.0, "f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of one number, with its part of what its block has in common."""


def guess_whole(source: Source, numbers: str) -> int | None:
    """Return about how many bytes all weights of a model are in some numbers."""
    count = describe_model(source.stack.base).parameters
    return round(count * BYTES[numbers]) if count else None


def check_form(form: Form, source: Source, base: Path | None = None) -> None:
    """Raise ModelError or InputError in words for a model that can't be written in a form, as it is now."""
    if form.writes:
        check_writes(source)
    form.check(source)
    if form.needs_base:
        check_base(source.stack, base)


def check_writes(source: Source) -> None:
    """Raise ModelError in words where the base of a model is an encoder, which writes nothing."""
    if is_on_encoder(source):
        raise ModelError(
            f"{source.stack.base.ref} is an encoder, which writes nothing, and this form is read by what writes. "
            "Export it as adapter, or as merged.",
            field="form",
        )


def is_on_encoder(source: Source) -> bool:
    """Whether the base of a model is an encoder."""
    return describes_encoder(read_config_text(find_config_folder(source.stack.base)))


def name_class(source: Source) -> str:
    """Return the class of transformers that loads a model's base."""
    return "AutoModel" if is_on_encoder(source) else "AutoModelForCausalLM"


def check_merges(stack: Stack) -> None:
    """Raise ModelError in words where what was learnt can't become part of the weights."""
    for change in stack.adapters:
        method = change.recipe.method
        if not method.merges_into(find_config_folder(stack.base)):
            raise ModelError(
                f"{change.title} was trained by {method.title}, and what that adds can't be merged into the weights. "
                "Export it as adapter.",
                field="form",
            )
    check_stack(stack, PRECISIONS.read("fp32"))


def save_whole(source: Source, stack: Stack, folder: Path, dtype: Dtype, shard_gb: float = 4.0) -> Iterator[str | None]:
    """Write the weights of a stack with its tokenizer, template and end tokens, as `from_pretrained` reads them.

    Yields when the weights are merged, and when they are written, then with what merging into codes cost. Adapters are
    merged at the precision that they were trained at, and rounded once, at the end.
    """
    model = load_stack(stack, PRECISIONS.read("bf16" if dtype == "bf16" else "fp32"), source.device)
    round_weights(model, dtype)
    tokenizer = load_tokenizer(find_model_folder(stack.base))
    set_ends(model, source, tokenizer)
    yield None
    model.save_pretrained(folder, max_shard_size=f"{round(shard_gb * 1000)}MB")
    tokenizer.save_pretrained(folder)
    yield tell_rounding(source.workspace, stack, model, source.device)


def round_weights(model: Any, dtype: Dtype) -> None:
    """Hold a loaded model's weights as `dtype`, but for those that its authors keep in 32 bits."""
    import torch

    wanted = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[dtype]
    kept = (*(model._keep_in_fp32_modules or ()), *(getattr(model, "_keep_in_fp32_modules_strict", None) or ()))
    for name, value in model.named_parameters():
        value.data = value.data.to(torch.float32 if any(part in name for part in kept) else wanted)
    model.config.dtype = wanted


def set_ends(model: Any, source: Source, tokenizer: Any) -> None:
    """Let a model's own files say all tokens after which it writes no more, as the studio has it."""
    ends = list_end_tokens(model) | {tokenizer.eos_token_id}
    for change in source.stack.changes:
        ends |= change.recipe.objective.list_ends(tokenizer)
    model.generation_config.eos_token_id = sorted(ends)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
