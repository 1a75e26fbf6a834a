"""Inside an answer: how likely each of its tokens was in each column, and what else was likely there.

One reading of prompt and answer for each column that has the answer's tokenizer; the others are left out. Imports torch
inside its functions.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from studio.answering.columns import Columns
from studio.declaration import show
from studio.errors import InputError
from studio.models.forward import call_model

MOST_TOKENS = 256
"""So many tokens of an answer are looked into, its first."""
OTHERS = 5
HALF_A_LETTER = "\ufffd"
"""What a letter of several tokens looks like before its last one."""


class Guess(BaseModel, frozen=True):
    """A token that might have been written, and its probability at temperature 1."""

    text: str
    probability: float


class Reading(BaseModel, frozen=True):
    """What one column thinks of an answer: the probability of each token, and the likeliest others in its place."""

    model: str
    title: str
    probabilities: tuple[float, ...]
    others: tuple[tuple[Guess, ...], ...]


class Inside(BaseModel, frozen=True):
    """The tokens of an answer, the end after the last of them, as each column of `columns` reads them."""

    model: str
    tokens: tuple[str, ...]
    columns: tuple[Reading, ...]


def look_inside(columns: Columns, prompts: Sequence[list[int]], place: int, written: object) -> Inside:
    """Return what every column thinks of the tokens that the column at `place` wrote after its prompt.

    Raises InputError for what are no tokens of it.
    """
    tokenizer, column = columns.find_tokenizer(place), columns.columns[place]
    tokens = check_tokens(written, columns.find_shared(place).base.get_input_embeddings().num_embeddings)
    tokens = tokens[: max(0, columns.find_context(place) - len(prompts[place]))]
    alike = [other for other, one in enumerate(columns.columns) if one.below.base == column.below.base]
    read = {other: _read(columns, other, prompts[other], tokens) for other in alike}
    last = read[place][-1]
    whole = [*tokens, max(columns.list_ends(place) or range(len(last)), key=lambda end: float(last[end]))]
    names: dict[int, str] = {}

    def name(token: int) -> str:
        if token not in names:
            names[token] = str(tokenizer.decode([token], skip_special_tokens=False))
        return names[token]

    pieces = spell(lambda some: str(tokenizer.decode(some, skip_special_tokens=True)), tokens)
    return Inside(
        model=column.address,
        tokens=(*pieces, name(whole[-1])),
        columns=tuple(
            Reading(
                model=columns.columns[other].address,
                title=columns.columns[other].title,
                probabilities=tuple(float(row[token]) for row, token in zip(read[other], whole, strict=True)),
                others=tuple(_list_others(row, token, name) for row, token in zip(read[other], whole, strict=True)),
            )
            for other in alike
        ),
    )


def check_tokens(written: object, vocabulary: int) -> list[int]:
    """Return the first tokens of an answer. Raises InputError in words."""
    if not isinstance(written, list | tuple) or not all(
        isinstance(token, int) and not isinstance(token, bool) and 0 <= token < vocabulary for token in written
    ):
        raise InputError(
            f"tokens are the whole numbers that an answer's column came with, not {show(written)}. Ask again.",
            field="tokens",
        )
    return list(written[:MOST_TOKENS])


def spell(decode: Callable[[list[int]], str], tokens: list[int]) -> list[str]:
    """Return the text that each token adds to those before it; a letter of several tokens belongs to its last one."""
    pieces, said = [], ""
    for count in range(1, len(tokens) + 1):
        text = decode(tokens[:count])
        if text.endswith(HALF_A_LETTER) and count < len(tokens):
            pieces.append("")
            continue
        pieces.append(text[len(said) :])
        said = text
    return pieces


def _read(columns: Columns, place: int, prompt: list[int], tokens: list[int]) -> Any:
    """The probabilities after the prompt and after each token, tokens + 1 x vocabulary."""
    import torch

    count = len(tokens) + 1
    with columns.enter(place) as model, torch.inference_mode():
        ids = torch.tensor([[*prompt, *tokens]], device=columns.device.kind)
        logits = call_model(model, input_ids=ids, use_cache=False, logits_to_keep=count).logits[0, -count:]
        return logits.float().softmax(dim=-1).cpu()


def _list_others(row: Any, token: int, name: Callable[[int], str]) -> tuple[Guess, ...]:
    values, places = row.topk(min(OTHERS + 1, len(row)))
    found = [(value, other) for value, other in zip(values.tolist(), places.tolist(), strict=True) if other != token]
    return tuple(Guess(text=name(other), probability=value) for value, other in found[:OTHERS])
