"""One copy of the weights, and the adapters that columns have on it.

Knows how adapters come onto a model and go again, and in which state the model answers as which column; the base stays
the base to the last bit. Imports torch and peft inside its functions.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.answering.foreign_tokenizer import Elsewhere, ForeignTokenizer
from studio.answering.rows import Switch
from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.checkpoints.weights import check_adapter, load_stack
from studio.errors import InputError, ModelError, first_line
from studio.models.device import DeviceFacts, is_out_of_memory
from studio.models.fingerprint import take_fingerprint
from studio.models.loading import find_context, find_model_folder, load_tokenizer
from studio.precisions import Precision


class SharedWeights:
    """The weights of a stack, loaded once; `use` says which adapters are on them."""

    def __init__(
        self, below: Stack, precision: Precision, device: DeviceFacts, elsewhere: Elsewhere | None = None
    ) -> None:
        folder, is_foreign = find_model_folder(below.base), not below.base.is_own
        self.tokenizer = ForeignTokenizer(folder, elsewhere) if elsewhere and is_foreign else load_tokenizer(folder)
        self._folder, self._made_on = folder, take_fingerprint(folder)
        self.base = load_stack(below, precision, device)
        self.context = find_context(self.base)  # once: it goes through all modules
        self.model: Any = None  # with adapters, where there are some
        self._names: dict[Path, str] = {}
        self._usual: list[tuple[dict[str, float], str, float]] = []  # what `strengthen` changed
        self._loaded = 0
        self._switch = Switch()

    def is_current(self) -> bool:
        """Whether its base is still the model that lies under that name."""
        return take_fingerprint(self._folder) == self._made_on

    def use(self, adapters: Sequence[Checkpoint]) -> bool:
        """Have exactly these adapters on the weights, all of one method; return whether anything changed.

        Raises ModelError in words for one of other weights.
        """
        wanted = {adapter.folder: adapter for adapter in adapters}
        new = [adapter for folder, adapter in wanted.items() if folder not in self._names]
        gone = [name for folder, name in self._names.items() if folder not in wanted]
        for adapter in new:
            self._load(adapter, gone.pop() if gone else None)
        for name in gone:
            self._forget(name)
        return bool(new or gone)

    def _load(self, adapter: Checkpoint, old: str | None) -> None:
        self._loaded += 1
        name, method = f"tuned{self._loaded}", adapter.recipe.method
        try:
            if self.model is None:
                self.model = method.load(self.base, adapter.folder, name)
            elif old:
                self.model = method.exchange(self.model, adapter.folder, name, old)
                self._names = {folder: kept for folder, kept in self._names.items() if kept != old}
            else:
                self.model.load_adapter(adapter.folder, adapter_name=name, is_trainable=False)
            if method.skips_rows:
                self._switch.part_rows(self.model)  # another adapter may have other layers
            self.model.eval()
            check_adapter(self.model, adapter.folder, name)
        except Exception as error:  # the files may be anybody's, and each library has errors of its own
            if is_out_of_memory(error) or not adapter.folder.exists():
                raise
            raise ModelError(
                f"The checkpoint {adapter.folder.name} does not fit the base model {adapter.recipe.model!r}: was the "
                f"model changed since the training? ({first_line(error)})",
                field="run_id",
            ) from error
        self._names[adapter.folder] = name

    def _forget(self, name: str) -> None:
        self.model.delete_adapter(name)
        self._names = {folder: kept for folder, kept in self._names.items() if kept != name}

    @contextmanager
    def enter(self, adapters: Sequence[Checkpoint | None], row: int | None) -> Iterator[Any]:
        """The model in the state in which it answers with the adapter of one row; with None, of a row for each."""
        names = [self._names[adapter.folder] if adapter else None for adapter in adapters]
        if row is None:
            self._switch.adapters = tuple(names)
            try:
                yield self.base if self.model is None else self.model
            finally:
                self._switch.adapters = None
        elif self.model is None:
            yield self.base
        elif (name := names[row]) is None:
            with self.model.disable_adapter():
                yield self.model
        else:
            if self.model.active_adapter != name:
                self.model.set_adapter(name)
            yield self.model

    def strengthen(self, adapter: Checkpoint | None, strength: float) -> None:
        """Let what an adapter of LoRA's family adds count `strength` times, until `restore`.

        Raises InputError for an adapter of any other method.
        """
        if strength == 1:
            return
        name = self._names[adapter.folder] if adapter else ""
        layers = [scaling for scaling in self._list_scalings() if name in scaling]
        if not layers:
            raise InputError(
                "Only an adapter of LoRA's kind can be applied more or less strongly. Set the strength to 1.",
                field="strength",
            )
        for scaling in layers:
            self._usual.append((scaling, name, scaling[name]))
            scaling[name] *= strength

    def restore(self) -> None:
        """Let every adapter count as it was trained."""
        for scaling, name, usual in self._usual:
            if name in scaling:
                scaling[name] = usual
        self._usual.clear()

    def _list_scalings(self) -> list[dict[str, float]]:
        """What each layer of LoRA's family multiplies by, adapter by adapter."""
        layers = self.model.modules() if self.model is not None else ()
        return [layer.scaling for layer in layers if hasattr(layer, "lora_A") and hasattr(layer, "scaling")]
