"""A rendering: the text of a row, and which of its letters are learnt. From it, and from nothing else, tokens are made.

Knows a tokenizer, and neither tasks nor templates. The text is tokenised once, as a whole, and the learnt part is found
by where its letters are, so the tokens are those that anybody gets who gives the tokenizer this text. A token that
holds the last letters of what is read and the first ones of an answer is learnt; so are the blanks before an answer.

What a person wrote never becomes a control token: where it spells one, it is tokenised as letters. For that the
tokenizer's own engine is copied; in the copy, control tokens are spelled with letters that the text doesn't have.
"""

import copy
import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, NamedTuple

from tokenizers import AddedToken

from studio.errors import RecipeError
from studio.objectives.objective import Row

Span = tuple[int, int]
"""Where some letters begin in a text, and where they end."""

_PRIVATE = (0x10E000, 0x10C000, 0x10A000, 0x108000)
"""Where letters that no text has are looked for, in a plane of Unicode that is nobody's."""


class Rendering(NamedTuple):
    """The text of one row; `learnt` are its answers with what ends them, in order.

    `letters` are those places where a person spells a control token. `unlearnt` lie within answers and are read all the
    same. `is_whole` says that the tokenizer adds its own begin and end, as to any text by itself; `needs_end` that the
    end token closes the last answer and is learnt, whoever writes it.
    """

    text: str
    learnt: tuple[Span, ...] = ()
    letters: tuple[Span, ...] = ()
    unlearnt: tuple[Span, ...] = ()
    is_whole: bool = True
    needs_end: bool = True


class Tokens(NamedTuple):
    """The tokens of a text; `starts` and `ends` say which letters each stands for, none for what was only added."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


class TokenisedElsewhere(ABC):
    """A tokenizer whose texts become tokens elsewhere."""

    @abstractmethod
    def tokenise(self, rendering: Rendering) -> Tokens:
        """Return the tokens of a rendering's text, and where they are in it."""


def encode(rendering: Rendering, tokenizer: Any) -> Row:
    """Return the row of a rendering. Raises RecipeError in words where the tokenizer can't keep letters apart."""
    ids, starts, ends = tokenise(rendering, tokenizer)
    answers = [(len(_leave_blanks(rendering.text[:start])), end) for start, end in rendering.learnt]
    learnt, unlearnt = _mark(answers, starts, ends), _mark(rendering.unlearnt, starts, ends)
    labels = [id if yes and not no else -100 for id, yes, no in zip(ids, learnt, unlearnt, strict=True)]
    if rendering.needs_end:
        if ids[-1:] != [tokenizer.eos_token_id] or ends[-1]:
            ids, labels = [*ids, tokenizer.eos_token_id], [*labels, -100]
        labels[-1] = tokenizer.eos_token_id
    return Row(ids, labels)


def encode_prompt(rendering: Rendering, tokenizer: Any) -> list[int]:
    """Return the tokens of a text that is asked, as they are before the answer in a row."""
    text = _leave_blanks(rendering.text)
    ids, _, ends = tokenise(rendering._replace(text=text), tokenizer)
    added = sum(1 for _ in takewhile(lambda end: end == 0, reversed(ends))) if text else 0
    return ids[: len(ids) - added]  # without what the tokenizer puts at the end of every text


def tokenise(rendering: Rendering, tokenizer: Any) -> Tokens:
    """Return the tokens of a rendering's text, and where they are in it."""
    if isinstance(tokenizer, TokenisedElsewhere):
        return tokenizer.tokenise(rendering)
    if not tokenizer.is_fast:
        return _tokenise_slowly(rendering, tokenizer)
    found = _tokenise_as_letters(rendering, tokenizer) if rendering.letters else _tokenise(rendering.text, tokenizer)
    if not rendering.is_whole:
        return found
    whole, bare = tokenizer("a")["input_ids"], _tokenise("a", tokenizer).ids
    before = next(n for n in range(len(whole)) if whole[n : n + len(bare)] == bare)
    after = len(whole) - before - len(bare)
    nowhere = [0] * before, [0] * after
    return Tokens(
        [*whole[:before], *found.ids, *whole[len(whole) - after :]],
        *([*nowhere[0], *places, *nowhere[1]] for places in (found.starts, found.ends)),
    )


def list_controls(tokenizer: Any) -> dict[str, int]:
    """Return the control tokens of a tokenizer by how they are spelled."""
    return _list_controls(tokenizer, len(tokenizer), tuple(tokenizer.special_tokens_map.items()))


def find_controls(tokenizer: Any) -> re.Pattern[str]:
    """Return what matches each control token as it is spelled, the longest first."""
    return _match_any(tuple(list_controls(tokenizer)))


@lru_cache(maxsize=4)
def _list_controls(tokenizer: Any, size: int, named: tuple[tuple[str, str], ...]) -> dict[str, int]:
    found = {token.content: id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    all_named = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return {text: id for text, id in (*found.items(), *all_named) if text.strip()}


@lru_cache(maxsize=16)
def _match_any(texts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))) or "(?!)")


def find_free_letters(text: str, count: int) -> int:
    """Return where so many letters begin that a text doesn't have. Raises RecipeError in words."""
    for first in _PRIVATE:
        if not any(first <= ord(letter) < first + count for letter in text):
            return first
    raise RecipeError("This text uses up the private letters of Unicode. Take them out of it.", field="task_id")


def _leave_blanks(text: str) -> str:
    """A text without the blanks at its end, which most often begin the first token of what follows."""
    return text.rstrip(" ")


def _mark(spans: Sequence[Span], starts: list[int], ends: list[int]) -> list[bool]:
    """Which tokens have letters in one of the spans; what an engine puts between two letters goes with the second."""
    marks = [False] * len(ends)
    for first, last in spans:
        for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if end and start < last and first < max(end, start + 1):
                marks[place] = True
    return marks


def _place(ids: list[int], offsets: Iterable[Span]) -> Tokens:
    """Tokens and where they are; each begins where the one before ended, since some engines trim the blanks.

    Tokens that make one letter together all stand for it. What was added at the ends of the text is nowhere.
    """
    places, here, before = list[Span](), 0, 0
    for start, end in offsets:
        if end > here:
            before, here = here, end
            places.append((before, here))
        elif end == here and start < end:
            places.append((before, here))
        else:
            places.append((here, here) if start == end == here else (0, 0))
    return Tokens(list(ids), [start for start, _ in places], [end for _, end in places])


def _tokenise(text: str, tokenizer: Any) -> Tokens:
    found = _copy_engine(tokenizer, len(tokenizer), 0).encode(text, add_special_tokens=False)
    return _place(found.ids, found.offsets)


def _tokenise_as_letters(rendering: Rendering, tokenizer: Any) -> Tokens:
    controls = list_controls(tokenizer)
    first = find_free_letters(rendering.text, len(controls))
    names = {text: chr(first + number) for number, text in enumerate(controls)}
    text, places, at = "", [(0, 0)], 0  # where the copy's text and the real one begin to run side by side again
    for found in _find_genuine(rendering, tokenizer):
        text += rendering.text[at : found.start()] + names[found[0]]
        at = found.end()
        places.append((len(text), at))
    text += rendering.text[at:]
    engine = _copy_engine(tokenizer, len(tokenizer), first)
    spelled = {engine.token_to_id(name): controls[control] for control, name in names.items()}
    encoded = engine.encode(text, add_special_tokens=False)
    marks = [mark for mark, _ in places]

    def find(place: int) -> int:
        mark, real = places[bisect_right(marks, place) - 1]
        return real + place - mark

    ids = [spelled.get(id, id) for id in encoded.ids]
    return _place(ids, [(find(start), find(end)) for start, end in encoded.offsets])


def _find_genuine(rendering: Rendering, tokenizer: Any) -> Iterator[re.Match[str]]:
    """The control tokens of a text that no person spelled."""
    for found in find_controls(tokenizer).finditer(rendering.text):
        if not any(start < found.end() and found.start() < end for start, end in rendering.letters):
            yield found


@lru_cache(maxsize=8)
def _copy_engine(tokenizer: Any, size: int, first: int) -> Any:
    """A tokenizer's engine, which adds nothing to a text and trims no blanks off what it says of places.

    With `first` control tokens are letters to it, and are spelled in the private letters from there on.
    """
    engine = copy.deepcopy(tokenizer.backend_tokenizer)
    engine.no_truncation()
    engine.no_padding()
    engine.post_processor = None
    engine.encode_special_tokens = bool(first)
    if first:
        shapes = {token.content: token for token in tokenizer.added_tokens_decoder.values()}
        strips = [
            (shapes[text].lstrip, shapes[text].rstrip) if text in shapes else (False, False)
            for text in list_controls(tokenizer)
        ]
        engine.add_tokens(
            [
                AddedToken(chr(first + number), normalized=False, special=False, lstrip=left, rstrip=right)
                for number, (left, right) in enumerate(strips)
            ]
        )
    return engine


def _tokenise_slowly(rendering: Rendering, tokenizer: Any) -> Tokens:
    """The tokens of a tokenizer that can't say where they are: each border is found by the text up to it."""
    options: dict[str, Any] = {"add_special_tokens": rendering.is_whole}
    if rendering.letters:
        if not rendering.is_whole or list(_find_genuine(rendering, tokenizer)):
            raise RecipeError(
                "A text of this task spells a control token of the model, and this tokenizer can't read it as letters. "
                "Leave such rows out, or choose another model.",
                field="model",
            )
        options["split_special_tokens"] = True
    ids = list(tokenizer(rendering.text, **options)["input_ids"])
    added = list(tokenizer("", **options)["input_ids"])
    tail = 1 if added and ids[-1:] == added[-1:] == [tokenizer.eos_token_id] else 0
    ends = [len(rendering.text)] * (len(ids) - tail) + [0] * tail
    borders = sorted({place for span in (*rendering.learnt, *rendering.unlearnt) for place in span}, reverse=True)
    for border in borders:
        part = list(tokenizer(rendering.text[:border], **options)["input_ids"])
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(part, ids, strict=False)))
        ends[:alike] = [min(border, end) for end in ends[:alike]]
    return _place(ids, [(0, end) for end in ends])
