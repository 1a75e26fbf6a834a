"""The words of the little world, read once from `assets/world/*.txt`.

Knows: the word files (one entry a line, fields between `|`, `#` for comments) and what each field means.
Does not know: how a word is inflected (`grammar.py`), how a text is made of words (`documents/`), anything of tasks.
A person writes the files; nothing here writes.

Words marked `unseen` at the end of their line are kept for the tests of the sample tasks. Unseen nouns, verbs and
names may occur now and then in the corpus in ordinary sentences, and unseen adjectives must (a model can't know
whether a word it never read is praise), but no sample task may use any of them in its training part. They stand in
`lexicon.unseen`, which has the same attributes, and in none of the attributes of the lexicon itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

WORLD_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "world"
UNSEEN = "unseen"

Entry = TypeVar("Entry")


class LexiconError(ValueError):
    """A line of a word file that can't be read, with the file, the line and the remedy."""


@dataclass(frozen=True)
class Kin:
    """A person close to us: `mother`, and the pronoun that stands for her."""

    word: str
    pronoun: str


@dataclass(frozen=True)
class Job:
    """A job: `baker`, what a baker does (`bakes bread`), and where (`in the bakery`)."""

    word: str
    does: str
    where: str


@dataclass(frozen=True)
class Place:
    """A place: `beach`, and the preposition of being there (`on`)."""

    word: str
    preposition: str

    @property
    def where(self) -> str:
        """The place as an answer to "where?": `on the beach`."""
        return f"{self.preposition} the {self.word}"


@dataclass(frozen=True)
class Animal:
    """An animal with its kind, home (`in a tree`), food, sound (a verb, or "" for none), size and best skill."""

    word: str
    kind: str
    home: str
    food: str
    sound: str
    size: str
    skill: str


@dataclass(frozen=True)
class Food:
    """A food with its kind; `countable` ones take `a` and a plural (an apple), the others don't (rice)."""

    word: str
    kind: str
    countable: bool


@dataclass(frozen=True)
class Thing:
    """A thing with its kind, its material, and what people use it for (`to` + `use`)."""

    word: str
    kind: str
    material: str
    use: str


@dataclass(frozen=True)
class Verb:
    """A verb in its base form and the classes of nouns it takes (empty: none); `motion` and `say` are special."""

    word: str
    takes: tuple[str, ...]


@dataclass(frozen=True)
class Adjective:
    """An adjective and the classes of nouns that it fits."""

    word: str
    fits: tuple[str, ...]


@dataclass(frozen=True)
class Opposite:
    """Two words of one part of speech that are each other's opposite."""

    one: str
    other: str
    part_of_speech: str


@dataclass(frozen=True)
class Country:
    """A country, its capital, and the adjective for its people."""

    word: str
    capital: str
    people: str


@dataclass(frozen=True)
class Words:
    """The open classes: the ones that also have unseen members."""

    girls: tuple[str, ...]
    boys: tuple[str, ...]
    jobs: tuple[Job, ...]
    places: tuple[Place, ...]
    animals: tuple[Animal, ...]
    foods: tuple[Food, ...]
    drinks: tuple[str, ...]
    things: tuple[Thing, ...]
    verbs: tuple[Verb, ...]
    good: tuple[Adjective, ...]
    bad: tuple[Adjective, ...]
    opposites: tuple[Opposite, ...]

    @property
    def nouns(self) -> tuple[str, ...]:
        """Every countable common noun of the open classes."""
        foods = tuple(food.word for food in self.foods if food.countable)
        groups = (self.things, self.animals, self.places, self.jobs)
        return tuple(dict.fromkeys(foods + tuple(entry.word for group in groups for entry in group)))


@dataclass(frozen=True)
class Lexicon(Words):
    """All words; `unseen` holds those reserved for the tests of the sample tasks."""

    surnames: tuple[str, ...]
    kin: tuple[Kin, ...]
    neutral: tuple[Adjective, ...]
    good_feelings: tuple[str, ...]
    bad_feelings: tuple[str, ...]
    colors: tuple[str, ...]
    adverbs: tuple[str, ...]
    times: Mapping[str, tuple[str, ...]]
    days: tuple[str, ...]
    months: tuple[str, ...]
    weather: tuple[str, ...]
    numbers: tuple[str, ...]
    countries: tuple[Country, ...]
    definitions: Mapping[str, str]
    kinds: Mapping[str, tuple[str, ...]]
    unseen: Words


def read_rows(name: str, folder: Path = WORLD_FOLDER) -> list[tuple[str, ...]]:
    """The entries of `name`.txt in the file's order, each split into its fields."""
    rows = []
    for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            rows.append(tuple(field.strip() for field in text.split("|")))
    return rows


def count_words() -> int:
    """How many different words and fixed phrases the files hold, inflected forms aside."""
    words = set()
    for path in WORLD_FOLDER.glob("*.txt"):
        if not path.stem.startswith("irregular_"):
            words |= {row[1] if path.stem == "kinds" else row[0] for row in read_rows(path.stem)}
    return len(words)


def _read(name: str, make: Callable[..., Entry], *, unseen: bool = False) -> tuple[Entry, ...]:
    """The entries of a file that are (or are not) marked unseen, each given to `make` field by field."""
    entries = []
    for row in read_rows(name):
        marked = row[-1] == UNSEEN
        if marked != unseen:
            continue
        try:
            entries.append(make(*(row[:-1] if marked else row)))
        except TypeError as error:
            line = " | ".join(row)
            raise LexiconError(f"{name}.txt has the entry '{line}'; {error}. See the comment at its top.") from error
    return tuple(entries)


def _read_verb(word: str, takes: str) -> Verb:
    return Verb(word, () if takes == "-" else tuple(takes.split()))


def _read_adjective(word: str, fits: str) -> Adjective:
    return Adjective(word, tuple(fits.split()))


def _read_food(word: str, kind: str, count: str) -> Food:
    return Food(word, kind, count == "count")


def _read_animal(word: str, kind: str, home: str, food: str, sound: str, size: str, skill: str) -> Animal:
    return Animal(word, kind, home, food, "" if sound == "-" else sound, size, skill)


def _read_words(unseen: bool) -> Words:
    return Words(
        girls=_read("girls", str, unseen=unseen),
        boys=_read("boys", str, unseen=unseen),
        jobs=_read("jobs", Job, unseen=unseen),
        places=_read("places", Place, unseen=unseen),
        animals=_read("animals", _read_animal, unseen=unseen),
        foods=_read("foods", _read_food, unseen=unseen),
        drinks=_read("drinks", str, unseen=unseen),
        things=_read("things", Thing, unseen=unseen),
        verbs=_read("verbs", _read_verb, unseen=unseen),
        good=_read("good", _read_adjective, unseen=unseen),
        bad=_read("bad", _read_adjective, unseen=unseen),
        opposites=_read("opposites", Opposite, unseen=unseen),
    )


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Pairs of (group, word) as a mapping from group to its words, each once."""
    groups: dict[str, dict[str, None]] = {}
    for group, word in pairs:
        groups.setdefault(group, {})[word] = None
    return {group: tuple(words) for group, words in groups.items()}


def _list_kinds(words: Words, colors: Iterable[str], months: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every category with its words: `fruit`, `tool`, `animal`, `part of the body`, ..."""
    pairs = [(kind, word) for kind, word in _read("kinds", lambda kind, word: (kind, word))]
    pairs += [(food.kind, food.word) for food in words.foods if food.kind != "food"]
    pairs += [(thing.kind, thing.word) for thing in words.things if thing.kind != "object"]
    pairs += [("animal", animal.word) for animal in words.animals]
    pairs += [(animal.kind, animal.word) for animal in words.animals]
    pairs += [("job", job.word) for job in words.jobs]
    pairs += [("drink", drink) for drink in words.drinks]
    pairs += [("color", color) for color in colors] + [("month", month) for month in months]
    return {kind: members for kind, members in _group(pairs).items() if len(members) > 3}


@cache
def load_lexicon() -> Lexicon:
    """The whole lexicon, read from disk once for each process."""
    seen = _read_words(unseen=False)
    feelings = _group((kind, word) for word, kind in read_rows("feelings"))
    colors, months = _read("colors", str), _read("months", str)
    return Lexicon(
        **vars(seen),
        surnames=_read("surnames", str),
        kin=_read("kin", Kin),
        neutral=_read("neutral", _read_adjective),
        good_feelings=feelings["good"],
        bad_feelings=feelings["bad"],
        colors=colors,
        adverbs=_read("adverbs", str),
        times=_group((kind, phrase) for phrase, kind in read_rows("times")),
        days=_read("days", str),
        months=months,
        weather=_read("weather", str),
        numbers=_read("numbers", str),
        countries=_read("capitals", Country),
        definitions=dict((row[0], row[1]) for row in read_rows("definitions")),
        kinds=_list_kinds(seen, colors, months),
        unseen=_read_words(unseen=True),
    )
