"""The random choices every document makes: a person, a thing, a clause that makes some sense.

Knows: the lexicon, and how often a slot takes an invented word (`strangeness`) or one of the unseen words (rarely).
Does not know: what documents there are. All chance comes from one `random.Random`, so a seed fixes every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from studio.world.language import words
from studio.world.language.grammar import Clause, capitalize, plural, with_article
from studio.world.language.lexicon import Adjective, Animal, Food, Job, Kin, Lexicon, Place, Thing, Verb, load_lexicon

Item = TypeVar("Item")

# How often a slot of an open class takes one of the unseen words: now and then, in ordinary sentences only.
UNSEEN_SHARE = 0.015

# A determiner still to be chosen among the less frequent ones.
ANY = "any"

TEXTS = (
    "letter book story poem song message note list report text postcard recipe lesson newspaper page "
    "sentence word secret plan joke speech magazine diary"
).split()


@dataclass(frozen=True)
class Person:
    """A person in a text, with the pronouns that stand for them."""

    name: str
    he: str
    him: str
    his: str

    @property
    def He(self) -> str:
        """The pronoun at the beginning of a sentence."""
        return capitalize(self.he)

    @property
    def His(self) -> str:
        """The possessive at the beginning of a sentence."""
        return capitalize(self.his)


class Voice:
    """Chooses words; `strangeness` is the share of names, nouns and verbs that are invented."""

    def __init__(self, rng: Random, strangeness: float = 0.0) -> None:
        self.rng = rng
        self.strangeness = strangeness
        self.lexicon: Lexicon = load_lexicon()

    # Plain chance.
    def chance(self, probability: float = 0.5) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def choose(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self.rng.random() * len(items))]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """That many different items, or all of them in a random order if there are fewer."""
        return self.rng.sample(list(items), min(count, len(items)))

    def shuffle(self, items: Sequence[Item]) -> list[Item]:
        """The items in a random order."""
        return self.sample(items, len(items))

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both possible."""
        return self.rng.randint(low, high)

    def is_strange(self) -> bool:
        """Whether the next open slot takes an invented word."""
        return self.rng.random() < self.strangeness

    # Names and people.
    def name(self) -> str:
        """A first name."""
        return self.person().name

    def person(self) -> Person:
        """Somebody with a first name, real or invented."""
        female = self.chance()
        if self.is_strange():
            name = words.invent_name(self.rng)
        else:
            source = self.lexicon.unseen if self.chance(UNSEEN_SHARE) else self.lexicon
            name = self.choose(source.girls if female else source.boys)
        return Person(name, "she", "her", "her") if female else Person(name, "he", "him", "his")

    def people(self, count: int) -> list[Person]:
        """That many people with different names."""
        found: dict[str, Person] = {}
        while len(found) < count:
            person = self.person()
            found.setdefault(person.name, person)
        return list(found.values())

    def kin(self, pronoun: str = "") -> Kin:
        """Somebody of the family, of any or of one pronoun."""
        return self.choose([kin for kin in self.lexicon.kin if not pronoun or kin.pronoun == pronoun])

    # Entries of the lexicon, never invented.
    def place_entry(self) -> Place:
        """A place of the lexicon."""
        return self.choose(self.lexicon.unseen.places if self.chance(UNSEEN_SHARE) else self.lexicon.places)

    def thing_entry(self) -> Thing:
        """A thing of the lexicon."""
        return self.choose(self.lexicon.unseen.things if self.chance(UNSEEN_SHARE) else self.lexicon.things)

    def animal_entry(self) -> Animal:
        """An animal of the lexicon."""
        return self.choose(self.lexicon.unseen.animals if self.chance(UNSEEN_SHARE) else self.lexicon.animals)

    def food_entry(self) -> Food:
        """A food of the lexicon."""
        return self.choose(self.lexicon.unseen.foods if self.chance(UNSEEN_SHARE) else self.lexicon.foods)

    def job_entry(self) -> Job:
        """A job of the lexicon."""
        return self.choose(self.lexicon.unseen.jobs if self.chance(UNSEEN_SHARE) else self.lexicon.jobs)

    def adjective(self, fits: str, feeling: str = "neutral") -> str:
        """An adjective for a class of nouns; `feeling` is good, bad or neutral."""
        choices: tuple[Adjective, ...] = getattr(self.lexicon, feeling)
        if feeling != "neutral" and self.chance(0.1):
            choices = getattr(self.lexicon.unseen, feeling)
        fitting = [adjective.word for adjective in choices if fits in adjective.fits]
        return self.choose(fitting)

    # Words for slots, sometimes invented.
    def invented(self) -> str:
        """An invented noun."""
        return words.invent_word(self.rng)

    def thing(self) -> str:
        """The word for a thing."""
        return self.invented() if self.is_strange() else self.thing_entry().word

    def animal(self) -> str:
        """The word for an animal."""
        return self.invented() if self.is_strange() else self.animal_entry().word

    def job(self) -> str:
        """The word for a job."""
        return self.invented() if self.is_strange() else self.job_entry().word

    def countable_food(self) -> str:
        """The word for a food that takes `a`."""
        if self.is_strange():
            return self.invented()
        while not (food := self.food_entry()).countable:
            pass
        return food.word

    def noun(self) -> str:
        """Any countable noun."""
        return self.choose((self.thing, self.thing, self.animal, self.countable_food, self.job))()

    def place(self) -> str:
        """The word for a place."""
        return self.invented() if self.is_strange() else self.place_entry().word

    def where(self) -> str:
        """A place with its preposition: `in the park`."""
        if self.is_strange():
            return f"{self.choose(('in', 'at', 'near'))} the {self.invented()}"
        return self.place_entry().where if self.chance(0.85) else f"near the {self.place_entry().word}"

    def spot(self) -> tuple[str, str]:
        """The word for a place, and the same place with its preposition."""
        if self.is_strange():
            word = self.invented()
            return word, f"{self.choose(('in', 'at'))} the {word}"
        place = self.place_entry()
        return place.word, place.where

    def color(self) -> str:
        """A color."""
        return self.choose(self.lexicon.colors)

    def feeling(self, good: bool) -> str:
        """An adjective for what a person feels."""
        return self.choose(self.lexicon.good_feelings if good else self.lexicon.bad_feelings)

    def number(self, low: int, high: int) -> str:
        """A number word."""
        return self.lexicon.numbers[self.between(low, high)]

    def time(self, tense: str) -> str:
        """A phrase for when something happens: past, present, future or any."""
        return self.choose(self.lexicon.times[tense] if self.chance(0.7) else self.lexicon.times["any"])

    def a_food(self) -> str:
        """Some food with what comes before it: `an apple`, `some rice`, `two pears`."""
        if self.is_strange():
            return with_article(self.invented())
        food = self.food_entry()
        if not food.countable:
            return f"{self.choose(('some', 'some', 'a little'))} {food.word}"
        if self.chance(0.25):
            return f"{self.number(2, 9)} {plural(food.word)}"
        return with_article(food.word)

    def a_thing(self) -> str:
        """A thing with its article and sometimes an adjective or color: `a red ball`."""
        return self.describe(self.thing(), "thing", self.choose(("a", "a", "the", ANY)) if self.chance(0.3) else "a")

    def describe(self, noun: str, fits: str, determiner: str) -> str:
        """A noun after a determiner, with an adjective now and then; `a` becomes `an`, and ANY some word."""
        phrase = noun
        if self.chance(0.3):
            color = fits == "thing" and self.chance(0.4)
            phrase = f"{self.color() if color else self.adjective(fits)} {noun}"
        if determiner == ANY:
            determiner = self.choose(("my", "our", "the", "a", "the", "this", "that"))
        return with_article(phrase) if determiner == "a" else f"{determiner} {phrase}"

    def somebody(self) -> str:
        """Somebody as an object: `Tom`, `the baker`, `my aunt`."""
        if self.chance(0.5):
            return self.name()
        if self.chance(0.6):
            return self.describe(self.job(), "person", "the")
        return f"{self.choose(('my', 'our', 'his', 'her', 'their'))} {self.kin().word}"

    def target(self, kind: str) -> str:
        """Something that a verb can take: an object phrase of this class."""
        determiner = self.choose(("the", "the", "a", "a", ANY))
        if kind == "person":
            return self.somebody()
        if kind == "food":
            return (
                f"the {self.choose((self.countable_food(), self.food_entry().word))}"
                if self.chance(0.4)
                else self.a_food()
            )
        if kind == "drink":
            drink = self.choose(self.lexicon.drinks)
            cup = self.choose(("a cup of", "a glass of", "a bottle of"))
            return self.choose((f"the {drink}", f"some {drink}", f"{cup} {drink}"))
        if kind == "animal":
            return self.describe(self.animal(), "animal", determiner)
        if kind == "place":
            return self.describe(self.place(), "place", "the")
        noun = self.choose(TEXTS) if kind == "text" and not self.is_strange() else self.thing()
        if self.chance(0.12):
            return f"{self.choose(('the', 'some', 'many', self.number(2, 12)))} {plural(noun)}"
        return self.describe(noun, "thing", determiner) if kind != "text" else f"{with_article(noun)}"

    # Deeds.
    def verb_entry(self) -> Verb:
        """A verb, most often a real one."""
        if self.is_strange():
            kinds = self.choose((("thing",), ("thing", "animal"), ("food",), ("person",), ()))
            return Verb(words.invent_verb(self.rng), kinds)
        while True:
            verb = self.choose(self.lexicon.unseen.verbs if self.chance(UNSEEN_SHARE) else self.lexicon.verbs)
            if not verb.takes or verb.takes[0] not in ("say", "give"):
                return verb

    def deed(self) -> tuple[str, str]:
        """A verb in its base form and the rest of its clause."""
        if self.chance(0.07):
            verb = self.choose(("give", "send", "show", "lend", "bring", "sell", "hand"))
            return verb, f"{self.a_thing()} to {self.somebody()}"
        if self.chance(0.06):
            goal = self.choose(("buy", "get", "see", "find", "sell"))
            return "go", f"to the {self.place()} to {goal} {self.target(self.choose(('thing', 'food')))}"
        verb_entry = self.verb_entry()
        verb, takes = verb_entry.word, verb_entry.takes
        if "motion" in takes:
            way = self.choose(("to", "to", "to", "through", "around"))
            return verb, f"{way} the {self.place()}" + (f" {self.extra()}" if self.chance(0.3) else "")
        if not takes:
            return verb, self.extra() if self.chance(0.75) else ""
        rest = self.target(self.choose(takes))
        return verb, f"{rest} {self.extra()}" if self.chance(0.35) else rest

    def extra(self) -> str:
        """Something more about a deed: where, with whom, how."""
        roll = self.rng.random()
        if roll < 0.5:
            return self.where()
        if roll < 0.65:
            return f"with {self.somebody()}"
        if roll < 0.75:
            return f"{self.choose(('next to', 'near', 'behind'))} the {self.thing()}"
        if roll < 0.8:
            return f"for {self.somebody()}"
        return self.choose(self.lexicon.adverbs)

    def subject(self, plain: bool = False) -> tuple[str, bool]:
        """A subject as it stands inside a sentence, and whether it is plural; `plain` leaves out pronouns."""
        roll = self.rng.random()
        if roll < 0.45:
            return self.name(), False
        if roll < 0.62:
            return self.describe(self.job(), "person", "the"), False
        if roll < 0.7:
            return self.describe(self.animal(), "animal", "the"), False
        if roll < 0.8:
            return f"{self.choose(('my', 'our', 'his', 'her', 'your'))} {self.kin().word}", False
        if roll < 0.86:
            first, second = self.people(2)
            return f"{first.name} and {second.name}", True
        if roll < 0.9:
            return f"the {plural(self.choose((self.job(), 'child', 'boy', 'girl', 'man', 'woman')))}", True
        if plain:
            return f"the {self.choose(('boy', 'girl', 'man', 'woman', 'child', 'old man', 'old woman'))}", False
        pronoun = self.choose(("he", "she", "they", "we", "I", "you"))
        return pronoun, pronoun in ("they", "we", "you")

    def clause(self, subject: str | None = None, many: bool = False, plain: bool = False) -> Clause:
        """A clause about a given or a chosen subject."""
        if subject is None:
            subject, many = self.subject(plain)
        verb, rest = self.deed()
        return Clause(subject, verb, rest, many)
