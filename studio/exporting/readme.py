"""The README beside an exported model: what it is, what it was made of, and how it is loaded. Hub cards are the same.

Names no path of this computer.
"""

from pathlib import Path

from studio.exporting.form import Source
from studio.models.reference import BUILTIN

PROMPT_NOTE = "Ask it the way it was trained; this is what it reads before it answers:"


def write_readme(folder: Path, source: Source, what: str, code: str, note: str = "", serve: bool = False) -> None:
    """Write README.md: a hub card's header, what the model was made of, and how it is loaded."""
    changes = [
        f"- {change.title}: {change.recipe.method_words} on {', '.join(part.task_id for part in change.recipe.parts)}"
        for change in source.stack.changes
    ]
    lines = [
        "---",
        *([f"base_model: {name_base(source)}"] if name_base(source) != BUILTIN else []),
        "library_name: transformers",
        "tags: [fine-tuning-studio]",
        "---",
        "",
        f"# {source.title}: {what}",
        "",
        f"Base: {name_base(source)}"
        + (f", revision {source.stack.base.revision}" if source.stack.base.revision else ""),
        *changes,
        *(["", note] if note else []),
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        code,
        "```",
    ]
    if serve:
        lines += ["", "As a server: `vllm serve .`, or, converted to GGUF, `llama-server -m model.gguf`."]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def name_base(source: Source) -> str:
    """Return the base's public name; of a folder its last part alone."""
    base = source.stack.base
    return base.ref.rstrip("/\\").replace("\\", "/").rpartition("/")[2] if is_folder(source) else base.ref


def is_folder(source: Source) -> bool:
    """Whether the base is a folder of this computer, that nobody else can name."""
    return source.stack.base.is_local and source.stack.base.ref != BUILTIN
