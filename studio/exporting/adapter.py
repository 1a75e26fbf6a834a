"""Adapter: the small file beside the base, as a plain peft folder that `PeftModel.from_pretrained` loads by itself.

A base that nobody else can name (the built-in one, or one with earlier runs merged into it) lies in the folder `base`.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from studio.answering.judge import HEAD_FILE
from studio.errors import ModelError
from studio.exporting.as_lora import can_be_lora, write_as_lora
from studio.exporting.form import Form, Source, guess_whole, name_class, save_whole
from studio.exporting.readme import name_base, write_readme
from studio.models.facts import find_config_folder
from studio.models.loading import find_model_folder
from studio.objectives.choices import FILE as CHOICES_FILE

BY_PEFT = (None, "typed", "norm")
"""The tuners of methods whose files peft reads as they are; the others are the studio's own."""
KEPT = ("adapter_config.json", "adapter_model.safetensors")
BESIDE = {
    HEAD_FILE: "This model judges: what goes into its head at the last token of an answer, times the numbers in "
    f"`{HEAD_FILE}` and added up, says how good the answer is.",
    CHOICES_FILE: "This model chooses: the mean of what goes into its head at the tokens of a text, less `middle` and "
    f"over `scale` in `{CHOICES_FILE}`, times `weights` and with `bias`, is a score for each text that the file names.",
}
"""What lies beside an adapter where a model doesn't write its answers, and what is said of it."""
LOADED = {
    "fp32": "dtype=torch.float32",
    "bf16": "dtype=torch.bfloat16",
    "int8": "quantization_config=BitsAndBytesConfig(load_in_8bit=True)",
    "nf4": "quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4', "
    "bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16), dtype=torch.bfloat16",
}


class Adapter(Form):
    """What was learnt, without the base."""

    name: ClassVar[str] = "adapter"
    title: ClassVar[str] = "Adapter"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "The few weights that were trained, as a peft folder."
    purpose: ClassVar[str] = "for peft, and for vLLM's and llama.cpp's adapters"
    parts: ClassVar[int] = 2

    with_base: Literal["auto", "yes", "no"] = Field(
        "auto",
        title="With its base",
        description="auto: where nobody else could find it, as it is the built-in one or was made here.",
    )

    def check(self, source: Source) -> None:
        """Raise ModelError in words for a whole model, and for methods that peft by itself doesn't know."""
        made = source.made
        if made.is_whole:
            raise ModelError(
                f"{made.title} is a whole model, not an adapter: {made.recipe.method.title} changes every weight. "
                "Export it as merged.",
                field="form",
            )
        method = made.recipe.method
        if method.tuner not in BY_PEFT and not can_be_lora(source):
            merges = method.merges_into(find_config_folder(source.stack.base))
            way_out = "Export it as merged" if merges else "Train it by LoRA"
            raise ModelError(
                f"{made.title} was trained by {method.title}, whose adapter peft can't read without the studio. "
                f"{way_out} to take it elsewhere.",
                field="form",
            )

    def guess_bytes(self, source: Source) -> int | None:
        """Return the bytes of the adapter, and of its base where that goes along."""
        return self._count_own(source) + ((guess_whole(source, "fp32") or 0) if self._brings_base(source) else 0)

    def _count_own(self, source: Source) -> int:
        return sum((source.made.folder / name).stat().st_size for name in KEPT)

    def describe(self, source: Source) -> str:
        """Return what is written: how large the adapter is beside the model, and whether its base goes along."""
        own, whole = self._count_own(source), guess_whole(source, "fp32")
        share = f", {100 * own / whole:.2g} % of the model" if whole else ""
        said = f"The few weights that were trained, as a peft folder: {own / 1e6:,.2g} MB{share}."
        if not self._brings_base(source):
            return said
        return f"{said} Its base goes along{'' if self.with_base == 'yes' else ', as nobody else could find it'}."

    def write_code(self, source: Source) -> str:
        """Return the lines that load base and adapter at the precision that it was trained at."""
        how = LOADED.get(source.made.recipe.held_in.name, "dtype=torch.float32")
        base = "base" if self._brings_base(source) else name_base(source)
        kind = name_class(source)
        names = [kind, "AutoTokenizer", *(["BitsAndBytesConfig"] if "BitsAndBytes" in how else [])]
        return "\n".join(
            [
                "import torch",
                f"from transformers import {', '.join(names)}",
                "from peft import PeftModel",
                "",
                f'base = {kind}.from_pretrained("{base}", {how})',
                'model = PeftModel.from_pretrained(base, ".")',
                f'tokenizer = AutoTokenizer.from_pretrained("{base}")',
            ]
        )

    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write the base, if it goes along, then the adapter."""
        with_base = self._brings_base(source)
        if with_base:
            write_base(source, folder / "base")
        yield None
        beside = [name for name in BESIDE if (source.made.folder / name).exists()]
        is_own = source.made.recipe.method.tuner not in BY_PEFT
        said = write_as_lora(source, folder) if is_own else ""
        for name in beside if is_own else (*KEPT, *beside):
            shutil.copy2(source.made.folder / name, folder / name)
        config = json.loads((folder / KEPT[0]).read_text(encoding="utf-8"))
        config |= {"base_model_name_or_path": "base" if with_base else name_base(source)}
        config |= {"revision": None if with_base else source.stack.base.revision}
        (folder / KEPT[0]).write_text(json.dumps(config, indent=2), encoding="utf-8")
        notes = [self._say_where(source, with_base), said, *(BESIDE[name] for name in beside)]
        base = "base" if with_base else name_base(source)
        serve = "" if beside or is_own else f"`vllm serve {base} --enable-lora --lora-modules tuned=.`"
        write_readme(folder, source, "adapter", self.write_code(source), " ".join(filter(None, notes)), serve)
        yield said

    def _brings_base(self, source: Source) -> bool:
        is_ours = bool(source.below.changes) or source.stack.base.is_own
        return self.with_base == "yes" or (self.with_base == "auto" and is_ours)

    def _say_where(self, source: Source, with_base: bool) -> str:
        if with_base:
            return (
                "The base lies in `base`; what earlier runs learnt is merged into it." if source.below.changes else ""
            )
        return "The base was a folder: put yours in its place below." if source.stack.base.is_local else ""


def write_base(source: Source, folder: Path) -> None:
    """Write what the newest change was made on as a folder of its own, exactly as the change found it."""
    if not source.below.changes:
        shutil.copytree(find_model_folder(source.stack.base), folder)
        return
    folder.mkdir()
    for _ in save_whole(source, source.below, folder, "bf16" if source.made.recipe.held_in.name == "bf16" else "fp32"):
        pass
