"""English inflection and the forms of a simple clause, as pure functions.

Knows: the regular rules, and the irregular forms in `assets/world/irregular_*.txt`.
Does not know: which words the world has (any word works, an invented one too) and what makes sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from studio.world.language.lexicon import read_rows

_VOWELS = "aeiou"
# Two and more syllables with the stress on the last one: the last consonant is doubled all the same.
_STRESSED_LAST = {"begin", "forget", "prefer", "admit", "permit", "refer", "regret", "control", "occur"}
_SOUNDS_LIKE_CONSONANT = re.compile(r"(eu|ewe|once|one\b|one-|ouija|u(?:ni(?!n|m)|se|su|ti|ten|ka|kr))", re.IGNORECASE)
_SOUNDS_LIKE_VOWEL = re.compile(r"(hour|honest|honor|heir)", re.IGNORECASE)
_THIRD_PERSON = {"be": "is", "have": "has", "do": "does", "go": "goes"}
_SUBJECT_TO_OBJECT = {"I": "me", "he": "him", "she": "her", "we": "us", "they": "them"}


@cache
def _irregular_plurals() -> dict[str, str]:
    return {one: many for one, many in read_rows("irregular_plurals")}


@cache
def _irregular_verbs() -> dict[str, tuple[str, str]]:
    return {base: (past_form, participle_form) for base, past_form, participle_form in read_rows("irregular_verbs")}


def capitalize(text: str) -> str:
    """The text with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def _add_s(word: str) -> str:
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if word.endswith("y") and len(word) > 1 and word[-2] not in _VOWELS:
        return word[:-1] + "ies"
    return word + "s"


def plural(noun: str) -> str:
    """More than one: `dogs`, `boxes`, `cities`, `wolves`, `police officers`; in `A of B` the A changes."""
    head, of, rest = noun.partition(" of ")
    if of:
        return plural(head) + of + rest
    if head == "thing to read":
        return "things to read"
    first, space, last = head.rpartition(" ")
    irregular = _irregular_plurals()
    if last in irregular:
        return first + space + irregular[last]
    for ending in ("man", "child", "foot", "tooth", "knife"):
        if last.endswith(ending) and last not in ("human", "talisman") and len(last) > len(ending) + 2:
            return first + space + last[: -len(ending)] + irregular[ending]
    return first + space + _add_s(last)


def _doubles(verb: str) -> bool:
    """Whether the last consonant is doubled before -ed and -ing: stop, plan, begin; not open, fix, rain."""
    if verb in _STRESSED_LAST:
        return True
    if len(verb) < 3 or verb[-1] in "aeiouwxy" or verb[-2] not in _VOWELS or verb[-3] in _VOWELS:
        # After `qu` the u is not a vowel of its own: quit, quiz.
        return len(verb) > 3 and verb[-4:-2] == "qu" and verb[-2] in _VOWELS and verb[-1] not in "aeiouwxy"
    return len(re.findall(r"[aeiou]+", verb)) == 1


def _inflect_head(verb: str, inflect: dict[str, str] | None, regular: str) -> str:
    head, space, rest = verb.partition(" ")
    return (inflect or {}).get(head, regular) + space + rest


def _regular_past(head: str) -> str:
    if head.endswith("e"):
        return head + "d"
    if head.endswith("y") and head[-2:-1] not in tuple(_VOWELS):
        return head[:-1] + "ied"
    if head.endswith("c"):
        return head + "ked"
    return head + head[-1] + "ed" if _doubles(head) else head + "ed"


def past(verb: str) -> str:
    """The past form: `walked`, `stopped`, `cried`, `went`; of a verb in several words the first one changes."""
    head = verb.partition(" ")[0]
    table = {base: forms[0] for base, forms in _irregular_verbs().items()} if head in _irregular_verbs() else None
    return _inflect_head(verb, table, _regular_past(head))


def participle(verb: str) -> str:
    """The past participle: `walked`, `gone`, `written`."""
    head = verb.partition(" ")[0]
    table = {base: forms[1] for base, forms in _irregular_verbs().items()} if head in _irregular_verbs() else None
    return _inflect_head(verb, table, _regular_past(head))


def third_person(verb: str) -> str:
    """The present form after he, she or it: `walks`, `goes`, `cries`, `picks up`."""
    head = verb.partition(" ")[0]
    return _inflect_head(verb, _THIRD_PERSON, _add_s(head))


def ing(verb: str) -> str:
    """The -ing form: `walking`, `making`, `running`, `lying down`."""
    head, space, rest = verb.partition(" ")
    if head.endswith("ie"):
        form = head[:-2] + "ying"
    elif head.endswith("e") and not head.endswith(("ee", "oe", "ye")) and head != "be":
        form = head[:-1] + "ing"
    elif head.endswith("c"):
        form = head + "king"
    else:
        form = head + head[-1] + "ing" if _doubles(head) else head + "ing"
    return form + space + rest


def article(word: str) -> str:
    """`a` or `an`, by sound: an hour, a university, an umbrella."""
    if _SOUNDS_LIKE_VOWEL.match(word):
        return "an"
    if _SOUNDS_LIKE_CONSONANT.match(word):
        return "a"
    return "an" if word[:1].lower() in _VOWELS and word[:1] else "a"


def with_article(noun: str) -> str:
    """The noun after `a` or `an`; plural-only nouns and `pair` words come with `a pair of`."""
    if noun.endswith("scissors"):
        return f"a pair of {noun}"
    return f"{article(noun)} {noun}"


def comparative(adjective: str) -> str:
    """`bigger`, `happier`, `nicer`; long adjectives take `more`."""
    return _compare(adjective, "er", "more")


def superlative(adjective: str) -> str:
    """`biggest`, `happiest`, `nicest`; long adjectives take `most`."""
    return _compare(adjective, "est", "most")


def _compare(adjective: str, ending: str, adverb: str) -> str:
    irregular = {"good": ("better", "best"), "bad": ("worse", "worst"), "far": ("farther", "farthest")}
    if adjective in irregular:
        return irregular[adjective][0 if ending == "er" else 1]
    syllables = len(re.findall(r"[aeiouy]+", adjective.removesuffix("e")))
    if adjective.endswith("y") and syllables <= 2 and adjective[-2] not in _VOWELS:
        return adjective[:-1] + "i" + ending
    if syllables > 1 or " " in adjective:
        return f"{adverb} {adjective}"
    if adjective.endswith("e"):
        return adjective + ending[1:]
    return adjective + (adjective[-1] if _doubles(adjective) else "") + ending


def list_words(words: list[str] | tuple[str, ...], last: str = "and") -> str:
    """`apples, pears and plums`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def object_pronoun(subject: str) -> str:
    """`him` for `he`; words that don't change (`it`, `you`) stay."""
    return _SUBJECT_TO_OBJECT.get(subject, subject)


@dataclass(frozen=True)
class Clause:
    """Who does what: a subject as it stands inside a sentence (`the baker`, `Mia`, `I`), a verb in its base form and
    the rest of the sentence (`some bread in the kitchen`, without a full stop). `many` marks a plural subject.

    Every form is a whole sentence with its capital and its full stop or question mark.
    """

    subject: str
    verb: str
    rest: str = ""
    many: bool = False

    @property
    def _plain(self) -> bool:
        """Whether the present form is the base form: I, you, we, they and plural subjects."""
        return self.many or self.subject.lower() in ("i", "you", "we", "they")

    def _say(self, *parts: str, end: str = ".") -> str:
        return capitalize(" ".join(part for part in parts if part)) + end

    def _be(self, past_tense: bool) -> str:
        if self.subject == "I":
            return "was" if past_tense else "am"
        if self._plain:
            return "were" if past_tense else "are"
        return "was" if past_tense else "is"

    def _do(self) -> str:
        return "do" if self._plain else "does"

    def with_subject(self, subject: str, many: bool = False) -> Clause:
        """The same deed by somebody else."""
        return replace(self, subject=subject, many=many)

    def present(self) -> str:
        """`Mia eats an apple.`"""
        return self._say(self.subject, self.verb if self._plain else third_person(self.verb), self.rest)

    def past(self) -> str:
        """`Mia ate an apple.`"""
        return self._say(self.subject, past(self.verb), self.rest)

    def future(self) -> str:
        """`Mia will eat an apple.`"""
        return self._say(self.subject, "will", self.verb, self.rest)

    def progressive(self) -> str:
        """`Mia is eating an apple.`"""
        return self._say(self.subject, self._be(False), ing(self.verb), self.rest)

    def past_progressive(self) -> str:
        """`Mia was eating an apple.`"""
        return self._say(self.subject, self._be(True), ing(self.verb), self.rest)

    def perfect(self) -> str:
        """`Mia has eaten an apple.`"""
        return self._say(self.subject, "have" if self._plain else "has", participle(self.verb), self.rest)

    def going_to(self) -> str:
        """`Mia is going to eat an apple.`"""
        return self._say(self.subject, self._be(False), "going to", self.verb, self.rest)

    def modal(self, modal: str) -> str:
        """`Mia can eat an apple.` with any of can, must, should, may, could."""
        return self._say(self.subject, modal, self.verb, self.rest)

    def wish(self) -> str:
        """`Mia wants to eat an apple.`"""
        return self._say(self.subject, "want" if self._plain else "wants", "to", self.verb, self.rest)

    def negative_present(self) -> str:
        """`Mia does not eat an apple.`"""
        return self._say(self.subject, self._do(), "not", self.verb, self.rest)

    def negative_past(self) -> str:
        """`Mia did not eat an apple.`"""
        return self._say(self.subject, "did not", self.verb, self.rest)

    def negative_future(self) -> str:
        """`Mia will not eat an apple.`"""
        return self._say(self.subject, "will not", self.verb, self.rest)

    def question_present(self) -> str:
        """`Does Mia eat an apple?`"""
        return self._say(self._do(), self.subject, self.verb, self.rest, end="?")

    def question_past(self) -> str:
        """`Did Mia eat an apple?`"""
        return self._say("did", self.subject, self.verb, self.rest, end="?")

    def question_future(self) -> str:
        """`Will Mia eat an apple?`"""
        return self._say("will", self.subject, self.verb, self.rest, end="?")

    def command(self) -> str:
        """`Eat an apple!`"""
        return self._say(self.verb, self.rest, end="!")
