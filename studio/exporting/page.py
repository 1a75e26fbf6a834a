"""Page: the model in one HTML file that answers in any browser, from a stick or a static Space, without a network.

What computes is answering.js, a few hundred lines over typed arrays: a page opened from a disk may load neither a
module nor a file, which the runtimes for the web need, and their own code is larger than the built-in base.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.checkpoints.weights import load_stack
from studio.errors import ModelError
from studio.exporting.asked import find_asked
from studio.exporting.form import Form, Source, check_merges, guess_whole
from studio.exporting.gguf import find_obstacle, name_cut
from studio.merging.rounding import tell_rounding
from studio.models.facts import describe_model, find_config_folder
from studio.models.loading import find_model_folder, list_end_tokens, load_tokenizer
from studio.models.reference import read_config
from studio.precisions import PRECISIONS
from studio.tasks.store import TaskStore

SCRIPT = Path(__file__).with_name("answering.js")
MOST_WEIGHTS = 50_000_000
"""A larger model would be a page of more than 130 MB, and write a word a second."""
STYLE = """
body{font:18px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#14201a;
background:#f5f7f5}
textarea{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #7f8e86;border-radius:9px}
button{font:inherit;font-weight:600;padding:.5rem 1.4rem;border:0;border-radius:99px;background:#047857;color:#fff}
button:focus-visible,textarea:focus-visible{outline:3px solid #047857;outline-offset:2px}
#answer{min-height:3rem;white-space:pre-wrap;padding:.8rem;border:1px solid #dbe2dd;border-radius:9px;background:#fff}
small{color:#4a5951}
@media(prefers-color-scheme:dark){body{color:#e7eeea;background:#0d1310}textarea,#answer{background:#151d19;color:inherit;
border-color:#6f8178}button{background:#34d399;color:#04291c}small{color:#a6b5ad}}
"""


class Page(Form):
    """The model, its tokenizer and what computes, in one file."""

    name: ClassVar[str] = "page"
    title: ClassVar[str] = "A page that answers"
    position: ClassVar[int] = 9
    writes: ClassVar[bool] = True
    summary: ClassVar[str] = "One HTML file with the model in it: it answers in a browser, without server and network."
    purpose: ClassVar[str] = "to take home on a stick, or for a static Space"
    parts: ClassVar[int] = 2

    numbers: Literal["f16", "f32"] = Field(
        "f16", title="Numbers", description="f32 is twice as large, and exactly what the studio computes with."
    )

    def check(self, source: Source) -> None:
        """Raise ModelError in words for a model that is too large, or that the page can't compute."""
        source.made  # noqa: B018 - it raises
        check_merges(source.stack)
        folder = find_config_folder(source.stack.base)
        if why := find_obstacle(read_config(folder)):
            raise refuse(source, why)
        if (folder / "tokenizer.json").is_file():
            find_cut(source, json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")))
        if (count := describe_model(source.stack.base).parameters or 0) > MOST_WEIGHTS:
            raise refuse(source, f"a model of {count:,} weights, where {MOST_WEIGHTS:,} are the most,")

    def guess_bytes(self, source: Source) -> int | None:
        """Return the bytes of all weights as letters, of which four hold three bytes."""
        whole = guess_whole(source, self.numbers)
        return whole and whole * 4 // 3

    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write index.html, and beside it what a static Space reads."""
        model = load_stack(source.stack, PRECISIONS.read("fp32"), source.device)
        tokenizer = load_tokenizer(find_model_folder(source.stack.base))
        yield None
        told, weights = gather(source, model, tokenizer, self.numbers)
        (folder / "index.html").write_text(write_page(source, told, weights), encoding="utf-8")
        space = f"---\ntitle: {source.file_name}\nsdk: static\n---\n\nOpen index.html in a browser.\n"
        (folder / "README.md").write_text(space, encoding="utf-8")
        yield tell_rounding(source.workspace, source.stack, model, source.device)


def refuse(source: Source, what: str) -> ModelError:
    """Return the words for a model that a page can't hold."""
    return ModelError(
        f"{what[:1].upper()}{what[1:]} can't be a page that answers. Export {source.title} as gguf or merged.",
        field="form",
    )


def find_cut(source: Source, told: dict[str, Any]) -> str:
    """Return how a tokenizer cuts text. Raises ModelError in words where the page can't cut so."""
    if cut := name_cut(told):
        return cut
    raise refuse(source, "a tokenizer of this shape")


def gather(source: Source, model: Any, tokenizer: Any, numbers: str) -> tuple[dict[str, Any], bytes]:
    """Return what the page must know of a loaded model, and its weights one after the other, little end first."""
    asked, config = find_asked(source, tokenizer), model.config
    ends = list_end_tokens(model) | {tokenizer.eos_token_id}
    ends |= set[int]().union(*(change.recipe.objective.list_ends(tokenizer) for change in source.stack.changes))
    places, parts, start = {}, [], 0
    for name, values in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        places[name] = (start, values.numel())
        start += values.numel()
        parts.append(values.float().cpu().numpy().astype("<f2" if numbers == "f16" else "<f4").tobytes())
    shape = {
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "groups": config.num_key_value_heads,
        "head": getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        "hidden": config.hidden_size,
        "inner": config.intermediate_size,
        "words": config.vocab_size,
        "context": min(config.max_position_embeddings, 2048),
        "epsilon": config.rms_norm_eps,
        "theta": config.rope_parameters["rope_theta"],
        "tied": bool(config.tie_word_embeddings),
    }
    told = {"shape": shape, "words": describe_words(source, tokenizer), "numbers": numbers, "places": places}
    return {**told, "before": asked.before, "after": asked.after, "stops": sorted(ends)}, b"".join(parts)


def describe_words(source: Source, tokenizer: Any) -> dict[str, Any]:
    """Return what the page must know of a tokenizer."""
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    added = tokenizer.added_tokens_decoder
    return {
        "vocab": told["model"]["vocab"],
        "merges": [pair if isinstance(pair, str) else " ".join(pair) for pair in told["model"]["merges"]],
        "added": {token.content: id for id, token in added.items()},
        "special": [id for id, token in added.items() if token.special],
        "cut": find_cut(source, told),
        "whole": bool(told["model"].get("ignore_merges")),
        "begin": tokenizer.bos_token_id if tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id] else None,
    }


def write_page(source: Source, told: dict[str, Any], weights: bytes) -> str:
    """Return the page; it may load nothing, and says so to the browser."""
    title, example = escape(source.title), escape(_find_example(source))
    inside = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{title}</title><style>{STYLE}</style></head>
<body data-state="loading"><h1>{title}</h1>
<form id="ask"><p><label for="prompt">Ask it as it was trained:</label>
<textarea id="prompt" rows="3">{example}</textarea></p><p><button>Ask</button></p></form>
<p id="answer" role="status"></p><p><small id="speed"></small></p>
<p><small>The model is in this file and computes here; nothing is sent anywhere.</small></p>
<script type="application/json" id="told">{inside}</script>
<script type="text/plain" id="weights">{b64encode(weights).decode("ascii")}</script>
<script>{SCRIPT.read_text(encoding="utf-8")}</script></body></html>
"""


def _find_example(source: Source) -> str:
    recipe = source.made.recipe
    task = TaskStore(source.workspace).load_task(recipe.task_id, recipe.task_version)
    examples = [one.input for one in task.positive_examples] + [one.input for one in task.instances]
    return next(filter(None, examples), "")
