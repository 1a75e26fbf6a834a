"""Ollama: the model as GGUF with a Modelfile that asks it exactly as it was trained.

Ollama guesses a template by likeness and otherwise sends the bare prompt, so TEMPLATE and every stop are written out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from studio.exporting.asked import Asked, find_asked
from studio.exporting.form import Source
from studio.exporting.gguf import Gguf

USUAL_CONTEXT = 4096


class Ollama(Gguf):
    """GGUF and Modelfile: `ollama create NAME` in the unpacked folder."""

    name: ClassVar[str] = "ollama"
    title: ClassVar[str] = "Ollama"
    position: ClassVar[int] = 4
    summary: ClassVar[str] = (
        "The GGUF file and a Modelfile with the prompt it was trained on, every stop, and its context."
    )
    purpose: ClassVar[str] = "for ollama create"

    def check(self, source: Source) -> None:
        """Raise ModelError in words for a base, whose prompt nobody has chosen, and for what GGUF refuses."""
        source.made  # noqa: B018 - it raises
        super().check(source)

    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write the Modelfile beside the GGUF file."""
        (folder / "Modelfile").write_text(write_modelfile(find_asked(source)), encoding="utf-8")
        yield from super().write(source, folder)


def write_modelfile(asked: Asked) -> str:
    """Return a Modelfile for the GGUF file beside it."""
    lines = [
        "FROM ./model.gguf",
        f'TEMPLATE """{_escape(asked.before)}{{{{ .Prompt }}}}{_escape(asked.after)}"""',
        "PARAMETER temperature 0",
        f"PARAMETER num_ctx {min(asked.context or USUAL_CONTEXT, USUAL_CONTEXT)}",
        *(f'PARAMETER stop "{stop}"' for stop in asked.stops),
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """A text as a template of Go writes it, inside three quotes."""
    for odd, written in (("{{", '{{ "{" }}{{ "{" }}'), ('"""', '{{ "\\"" }}{{ "\\"" }}{{ "\\"" }}')):
        text = f"{written}".join(text.split(odd))
    return text
