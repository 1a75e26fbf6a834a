"""The words of the page that are used in more than one place: explanations of terms, and how numbers are said.

Each term has one sentence, shown beside the term and used in the docs. Numbers look alike everywhere because they
all come from here (words.js says them the same way).
"""

from collections.abc import Iterator
from html import escape as _escape
from typing import Any

TERMS = {
    "parameter": "One number inside the model. Training adjusts some of them; all of them together are what it knows.",
    "trainable": "The numbers that training may change. All others stay exactly as they are.",
    "layer": "One stage of the model. Text passes through all layers, one after another.",
    "context": "How many tokens the model can look at in one go.",
    "token": "A piece of text, often a short word or part of a word. Models read and write tokens.",
    "vocabulary": "All the different tokens that the model knows.",
    "width": "How many numbers stand for one token inside the model.",
    "licence": "What the model's authors allow you to do with it.",
    "base model": "The model you start from. It is never changed: what is learnt is stored beside it, or in a copy.",
    "fine-tuning": "Training a model that already knows a language a little further, on examples of one task.",
    "lora": "Low-Rank Adaptation: the model stays frozen, and a pair of thin matrices beside each layer is trained.",
    "qlora": "LoRA on a base whose weights are rounded to 4 bits (NF4), so they take about a quarter of 16-bit.",
    "full": "Full fine-tuning: every number of the model may change.",
    "rank": "The width of the thin pair, in columns. A larger rank can learn more, and trains more numbers.",
    "alpha": "How strongly the adapter is applied: its output is multiplied by alpha / rank.",
    "dropout": "While training, a random share of inputs is ignored, so that the model does not memorise the examples.",
    "targets": "Which layers get a thin pair: all of them, only those of attention, or only those of the MLP.",
    "precision": "How many bits store one number of the frozen model. Fewer bits need less memory.",
    "preset": "Good values for all options at once. Whatever you set yourself wins.",
    "matrix": "A table of numbers. A layer multiplies what it gets by its matrix; that is most of what a model does.",
    "frozen": "Not changed by training.",
    "adapter": "The weights that training adds to the frozen model. They are saved in a small file of their own.",
    "memory": "What training needs at its peak: the model, what is trained, and the activations.",
    "definition": "The instruction itself: what the model is asked to do with each input.",
    "positive example": "A worked example of a good answer, with the reason why it is good.",
    "negative example": "An answer that must not be given, with the reason why not.",
    "instance": "One input with the answers that count as right. The model learns from these.",
    "training part": "The examples the model learns from.",
    "validation part": "Examples that are not trained on: they watch the loss and choose the best checkpoint.",
    "test set": "Examples the model never sees in training. Only they show whether it learnt the task.",
    "step": "One adjustment of the trained numbers, after looking at one batch of examples.",
    "checkpoint": "What training has learnt up to a step, saved. You can talk to it, and resume from it.",
    "loss": "How surprised the model is by the right answers. 0 is not at all; training makes it smaller.",
    "validation loss": "The loss on the validation part, never trained on. When it rises, the model overfits.",
}


def escape(text: object, most: int | None = None) -> str:
    """Return foreign text safe for HTML (attributes too), cut to `most` characters where given."""
    said = str(text)
    if most is not None and len(said) > most:
        said = said[: most - 1].rstrip() + "…"
    return _escape(said, quote=True)


def foreign(text: object, most: int | None = None) -> str:
    """Return foreign text for HTML with its own reading direction, so that it can't reorder the page around it."""
    return f'<bdi dir="auto">{escape(text, most)}</bdi>'


def term(name: str, shown: str | None = None) -> str:
    """Return HTML of a term with its explanation: a dotted underline, reachable by keyboard."""
    return f'<button type="button" class="term" data-tip="{escape(TERMS[name])}">{escape(shown or name)}</button>'


CHANGES = {
    "training.batch_size": "batches of {}",
    "training.gradient_accumulation": "{} batches a step",
    "training.max_length": "examples of at most {} tokens",
    "training.gradient_checkpointing": "gradient checkpointing",
    "method.rank": "rank {}",
    "precision": "{} weights",
}
"""How a change of a recipe is said on a button, by the field's dotted name."""
_PRECISIONS = {"nf4": "4-bit", "int8": "8-bit", "bf16": "16-bit", "fp32": "32-bit"}
_MOST_CHANGES = 4


def again_words(changes: dict[str, Any]) -> str:
    """Return what the button says that trains again with these changes: "Train again with batches of 8"."""
    said = [_say_change(path, value) for path, value in _flatten(changes)]
    shown = said if len(said) <= _MOST_CHANGES else [*said[: _MOST_CHANGES - 1], "other changes"]
    return "Train again with " + " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _say_change(path: str, value: Any) -> str:
    shown = _PRECISIONS.get(str(value), str(value)[:40])
    if path in CHANGES:
        return CHANGES[path].format(shown)
    return f"{path.rsplit('.', 1)[-1].replace('_', ' ')[:40]} {shown}"


def _flatten(changes: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in changes.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def number(value: float) -> str:
    """Return "224,256"."""
    return f"{value:,.0f}"


def short_number(value: float) -> str:
    """Return "5.7 M", "1.2 B", "640"."""
    for unit, size in (("B", 1e9), ("M", 1e6)):
        if value >= size * 0.9995:
            return f"{value / size:.1f} {unit}" if value < 100 * size else f"{value / size:,.0f} {unit}"
    return number(value)


def size(size_bytes: float) -> str:
    """Return "0.9 MB", "310 MB", "23 GB"; the same as saySize in words.js."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size_bytes >= one * 0.95:
            amount = size_bytes / one
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{size_bytes:.0f} bytes"


MANY_EPOCHS = 10
"""An example that is seen more often than this may be memorised."""


def total_number(base: int, total: int) -> str:
    """Return "5.5 M + 0.2 M" of a base and what is added to it, "8.0 B" where that doesn't show."""
    shown, added = short_number(base), total - base
    if added <= 0 or short_number(total) == shown:
        return shown
    return f"{shown} + {short_number(added) if added >= 1e6 else f'{added / 1e6:.1f} M'}"


def fit_pill(fit: str, words: str = "") -> str:
    """Return HTML of how well something goes into memory (models/device.py), in `words` where given."""
    look = {"fits": " fits", "unknown": ""}.get(fit, " warn")
    return f'<span class="pill{look}">{escape(words or fit)}</span>'


def epochs(times: float, examples: int) -> str:
    """Return HTML: "each of 196 examples about 24 times", marked if often; below one, which share is seen."""
    if times < 1:
        return f"about {max(1, round(100 * times))} % of {number(examples)} examples, once"
    often = "once" if round(times) == 1 else f"{number(times)} times"
    said = f"each of {number(examples)} examples about {often}"
    return f'<span class="often">{said}</span>' if times > MANY_EPOCHS else said


def duration(seconds: float) -> str:
    """Return "40 s", "3 min", "1.5 h"; the same as sayDuration in words.js."""
    if seconds < 1:
        return "under a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def about(seconds: float) -> str:
    """Return "about 40 seconds", "about 3 minutes", "about 1.5 hours"."""
    for most, unit, seconds_each in ((90, "second", 1), (5400, "minute", 60)):
        if seconds < most:
            count = max(1, round(seconds / seconds_each))
            count = round(count, -1) if unit == "second" and count > 15 else count
            return f"about {count} {unit}{'s' if count != 1 else ''}"
    return f"about {seconds / 3600:.1f} hours"


def percent(value: float) -> str:
    """Return "3.9 %", "0.02 %", "100 %"."""
    if value >= 99.95 or value == 0:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else f"{value:.2g} %"
