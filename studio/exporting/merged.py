"""Merged: whole weights in 16 bits, as any program that reads transformers' models loads them."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from studio.exporting.form import Dtype, Form, Source, check_merges, guess_whole, name_class, save_whole
from studio.exporting.readme import write_readme

LOADING = """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained(".")
tokenizer = AutoTokenizer.from_pretrained(".")"""


class Merged(Form):
    """The base with everything learnt merged into its weights."""

    name: ClassVar[str] = "merged"
    title: ClassVar[str] = "Merged weights"
    position: ClassVar[int] = 2
    summary: ClassVar[str] = "The whole model with what it learnt, as safetensors, with its tokenizer and template."
    purpose: ClassVar[str] = "for transformers, vLLM, SGLang, and llama.cpp's converter"
    parts: ClassVar[int] = 2

    dtype: Dtype = Field("bf16", title="Numbers", description="What each weight is written in.")
    shard_gb: float = Field(4.0, gt=0, le=50, title="Largest file", description="In gigabytes; more is split.")

    def check(self, source: Source) -> None:
        """Raise ModelError in words where what was learnt can't become part of the weights."""
        check_merges(source.stack)

    def guess_bytes(self, source: Source) -> int | None:
        """Return the bytes of all weights."""
        return guess_whole(source, self.dtype)

    def write_code(self, source: Source) -> str:
        """Return the lines that load it."""
        return LOADING.replace("AutoModelForCausalLM", name_class(source))

    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write weights, tokenizer, chat template and generation config."""
        serve = "`vllm serve .`, or, converted to GGUF, `llama-server -m model.gguf`"
        for said in save_whole(source, source.stack, folder, self.dtype, self.shard_gb):
            write_readme(folder, source, "merged weights", self.write_code(source), said or "", serve)
            yield said
