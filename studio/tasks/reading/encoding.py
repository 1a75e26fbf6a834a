"""In which old encoding a text was written: what each would make of its bytes, weighed by what languages look like.

Every encoding is tried on the lines that hold bytes above 127. What it makes is scored as the likeliest of some fifty
languages (`languages.py`): letters of one alphabet, no signs inside words, no capitals after small letters. Encodings
that make the same text are one candidate. Knows no kinds of files.
"""

import codecs
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from studio.errors import InputError
from studio.tasks.reading.languages import Language, list_languages

_REGIONS = (
    ("Western European", 0, "cp1252:Windows-1252"),
    ("Central European", 0, "cp1250:Windows-1250"),
    ("Cyrillic", 0, "cp1251:Windows-1251"),
    ("Greek", 0, "cp1253:Windows-1253"),
    ("Turkish", 0, "cp1254:Windows-1254"),
    ("Hebrew", 0, "cp1255:Windows-1255"),
    ("Arabic", 0, "cp1256:Windows-1256"),
    ("Baltic", 0, "cp1257:Windows-1257"),
    ("Vietnamese", 0, "cp1258:Windows-1258"),
    ("Thai", 0, "cp874:Windows-874"),
    ("Japanese", 0, "cp932:Shift JIS", "euc_jp:EUC-JP"),
    ("Korean", 0, "cp949:Windows-949, EUC-KR"),
    ("Chinese, simplified", 0, "gb18030:GB 18030, GBK"),
    ("Chinese, traditional", 0, "cp950:Big5", "big5hkscs:Big5 of Hong Kong"),
    ("Russian", 0, "koi8_r:KOI8-R"),
    ("Ukrainian", 0, "koi8_u:KOI8-U"),
    ("Cyrillic", 1, "iso8859_5:ISO 8859-5", "mac_cyrillic:Mac Cyrillic", "cp866:DOS 866", "cp855:DOS 855"),
    ("Kazakh", 1, "kz1048:KZ-1048"),
    ("Western European", 1, "iso8859_15:ISO 8859-15", "mac_roman:Mac Roman", "cp850:DOS 850", "cp858:DOS 858"),
    ("Western European", 2, "cp437:DOS 437"),
    ("Celtic", 4, "iso8859_14:ISO 8859-14"),
    ("Central European", 1, "iso8859_2:ISO 8859-2", "mac_latin2:Mac Central European", "cp852:DOS 852"),
    ("Romanian", 4, "iso8859_16:ISO 8859-16", "mac_romanian:Mac Romanian"),
    ("Croatian", 3, "mac_croatian:Mac Croatian"),
    ("Baltic", 1, "iso8859_13:ISO 8859-13"),
    ("Baltic", 2, "cp775:DOS 775"),
    ("Nordic and Baltic", 3, "iso8859_4:ISO 8859-4", "iso8859_10:ISO 8859-10"),
    ("Southern European", 2, "iso8859_3:ISO 8859-3"),
    ("Turkish", 1, "iso8859_9:ISO 8859-9", "mac_turkish:Mac Turkish", "cp857:DOS 857"),
    ("Greek", 1, "iso8859_7:ISO 8859-7", "mac_greek:Mac Greek", "cp737:DOS 737", "cp869:DOS 869"),
    ("Hebrew", 1, "iso8859_8:ISO 8859-8", "cp862:DOS 862"),
    ("Arabic", 1, "iso8859_6:ISO 8859-6", "cp720:DOS 720"),
    ("Portuguese", 2, "cp860:DOS 860"),
    ("Icelandic", 2, "mac_iceland:Mac Icelandic", "cp861:DOS 861"),
    ("French of Canada", 2, "cp863:DOS 863"),
    ("Nordic", 2, "cp865:DOS 865"),
)
"""Where an encoding is used, how unusual it is today, and its names."""
_SURE = 5.0
"""How much likelier, in logarithms, the best candidate must be than the next to be taken unasked, of many letters."""
_WORST_MEAN = -7.6
"""The mean score of a letter below which no language fits, so that a person is asked whatever comes second."""
_LIKELY = 12
"""How many of the likeliest encodings are weighed line by line."""
_TONGUES = 6
"""How many of the likeliest languages a line may be in."""
_SHOUTED = 2.5
"""What a word of capitals costs."""
_CHANGE = 4.0
"""What it costs a line to be in another language than the first."""
_SIGNS_ARE_RARER = 1.3
"""A language of thousands of signs has rarer ones; each takes two bytes."""
_SAMPLE_BYTES = 24_000
_SHOWN_LETTERS = 72
_QUOTES = frozenset("“”„‘’‚«»–—…\u00a0")
_SIGNS = frozenset("°§©®™€£¥²³½¼¾×·•№±÷¡¿ªº¢µ\u00ad†‡‰‹›")
_ABROAD = frozenset("éèêëáàâäãåóòôöõøúùûüíìîïñçßæœýžšč")
"""Letters of names from abroad, which are in texts of any language."""
_INSIDE = frozenset("’‘·\u00ad\u200c\u200d'-")
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])*")
_THAI_MARK = re.compile(r"[\u0e01-\u0e2e][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
_LOST_MARK = re.compile(r"(?<![\u0e01-\u0e2e\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
"""A vowel or tone of Thai with the consonant that it belongs to, and without one."""
_PARTS = re.compile(rb"([\x00-\x3f]+)")
"""What is between words, in every encoding: ASCII's signs and digits are no part of another letter."""
_LOST = re.compile(r"[A-Za-z][\u0e00-\u0e7f\u2e80-\uffdc]+[A-Za-z]")


class Candidate(BaseModel):
    """An encoding that a file may be in: its name, what people call it, and a line of the text as it would be read."""

    model_config = ConfigDict(frozen=True)

    encoding: str
    title: str
    line: str


class Weighing(NamedTuple):
    """The likeliest encodings, the best first, and whether it is so much likelier that nobody need be asked."""

    candidates: tuple[Candidate, ...]
    is_sure: bool
    lead: float = 0.0
    mean: float = 0.0


class _Weighed(NamedTuple):
    """How likely a text is, its words and letters that ASCII has not, and its languages, the likeliest first."""

    lines: list[str]
    letters: int
    words: int
    score: float
    languages: list[Language]
    capitals: float

    @property
    def has_signs(self) -> bool:
        return self.languages[0].has_signs


class _Reading(NamedTuple):
    encoding: str
    text: str
    rarity: int
    weighed: _Weighed

    @property
    def prior(self) -> float:
        return self.weighed.capitals - 1.5 * self.rarity


@lru_cache(maxsize=1)
def list_encodings() -> dict[str, tuple[str, int]]:
    """Return codec -> (what people call it, how unusual it is)."""
    found: dict[str, tuple[str, int]] = {"utf_8": ("UTF-8", 0)}
    for region, rarity, *names in _REGIONS:
        for name in names:
            codec, _, title = str(name).partition(":")
            found[codec] = (f"{title} ({region})", int(rarity))
    return found


def name_encoding(codec: str) -> str:
    """Return what people call an encoding."""
    known = list_encodings().get(codec)
    return known[0] if known else codec.upper().replace("_", "-")


def check_encoding(name: str) -> str:
    """Return the codec of an encoding that a person named. Raises InputError for what is none of text."""
    try:
        found = codecs.lookup(name.strip())
        codec = found.name.replace("-", "_")
        if getattr(found, "_is_text_encoding", True) and codec not in ("idna", "punycode", "undefined"):
            return next((one for one in list_encodings() if codecs.lookup(one).name == found.name), codec)
    except (LookupError, ValueError):
        pass
    raise InputError(
        f"There is no encoding {name[:40]!r}. Name one such as utf-8, cp1250, cp1251, shift_jis, gb18030 or mac_roman.",
        field="encoding",
    )


def weigh_encodings(data: bytes) -> Weighing:
    """Return what encodings the bytes may be in, likeliest first, three at most."""
    sample = _choose_lines(data)
    readings: dict[str, _Reading] = {}
    for codec, (_, rarity) in list_encodings().items():
        if codec != "utf_8":
            text = sample.decode(codec, "replace")
            known = readings.get(text)
            if known is None or known.rarity > rarity:
                readings[text] = _Reading(codec, text, rarity, known.weighed if known else _weigh(text))
    likely = sorted(readings.values(), key=lambda one: one.weighed.score + one.prior)[-_LIKELY:]
    scored = sorted(((_weigh_lines(one.weighed) + one.prior, one) for one in likely), key=lambda one: -one[0])
    (score, first), others = scored[0], scored[1:]
    lead = score - others[0][0] if others else 99.0
    mean = (score - first.prior) / first.weighed.letters / (_SIGNS_ARE_RARER if first.weighed.has_signs else 1)
    is_sure = mean > _WORST_MEAN and lead >= _SURE + 15 / first.weighed.words + 15 / (first.weighed.letters + 12)
    candidates = show_candidates([(one.encoding, one.text) for _, one in scored[:3]])
    return Weighing(candidates, is_sure, lead, mean)


def show_candidates(readings: list[tuple[str, str]]) -> tuple[Candidate, ...]:
    """Return candidates with the line on which their texts differ most."""
    lines = list(zip(*(_cut_lines(text) for _, text in readings), strict=False))
    place = max(range(len(lines)), key=lambda n: _count_differences(lines[n])) if lines else 0
    return tuple(
        Candidate(
            encoding=codec,
            title=name_encoding(codec),
            line=_shorten(lines[place][n] if lines else text[:_SHOWN_LETTERS]),
        )
        for n, (codec, text) in enumerate(readings)
    )


def _choose_lines(data: bytes) -> bytes:
    """The lines that hold bytes above 127, as many as are looked at; what comes again says nothing new."""
    found: list[bytes] = []
    seen: set[bytes] = set()
    size = 0
    for line in re.split(rb"\r\n|\n|\r", data):
        if line.isascii():
            continue
        parts = _PARTS.split(line[:4000])
        fresh = [part for part in parts if part.isascii() or part not in seen]
        if all(part.isascii() for part in fresh):
            continue
        seen.update(part for part in parts if not part.isascii())
        found.append(b"".join(fresh))
        size += len(found[-1])
        if size > _SAMPLE_BYTES:
            break
    return b"\n".join(found)


def _cut_lines(text: str) -> list[str]:
    return text.split("\n")


def _count_differences(lines: tuple[str, ...]) -> tuple[int, int]:
    """How many of the lines can be told apart, and by how many letters."""
    shown = [line[:_SHOWN_LETTERS] for line in lines]
    return len(set(shown)), sum(len(set(letters)) > 1 for letters in zip(*shown, strict=False))


def _shorten(line: str) -> str:
    first = next((n for n, letter in enumerate(line) if not letter.isascii()), 0)
    start = max(0, first - 24) if len(line) > _SHOWN_LETTERS else 0
    shown = re.sub(r"\s+", " ", line[start : start + _SHOWN_LETTERS]).strip()
    return "".join("\ufffd" if unicodedata.category(letter) in ("Cc", "Cn", "Co") else letter for letter in shown)


# ---- how likely a text is


class _Facts(NamedTuple):
    """What is counted of a text before any language is looked at."""

    letters: Counter[str]
    plain: int
    words: Counter[str]
    context: float

    def weigh(self, language: Language) -> float:
        """The logarithm of how likely the text is in a language."""
        letters = sum(count * _weigh_letter(letter, language) for letter, count in self.letters.items())
        spoken = sum(
            min(count, 40) * (0.8 if word.isascii() else 2.0 if len(word) < 3 else 4.0)
            for word, count in self.words.items()
            if word in language.words
        )
        return letters + spoken + self.context + self.plain * language.weight_of_ascii


def _count(text: str) -> _Facts:
    letters = Counter(letter for letter in text if not letter.isascii())
    words = Counter(_WORD.findall(text))
    lowered = Counter[str]()
    for word, count in words.items():
        lowered[word.lower()] += count
    plain = sum(letter.isascii() and letter.isalpha() for letter in text)
    return _Facts(letters, min(plain, 12 * letters.total()), lowered, _weigh_context(text, words))


def _weigh(text: str) -> _Weighed:
    """How likely a text is if it is in one language."""
    text = unicodedata.normalize("NFC", text)
    shouted = sum(len(word) > 3 and not word.isascii() and word.isupper() for word in _WORD.findall(text))
    text = _WORD.sub(_hush, text)
    facts = _count(text)
    found = sorted(((facts.weigh(one), one) for one in list_languages()), key=lambda one: -one[0])
    languages = [one for _, one in found[:_TONGUES]]
    return _Weighed(
        text.split("\n"),
        max(1, facts.letters.total()),
        max(1, len(facts.words)),
        found[0][0],
        languages,
        -_SHOUTED * shouted,
    )


def _weigh_lines(weighed: _Weighed) -> float:
    """How likely a text is whose lines may be in several languages, each of them dearer than the first."""
    first, *others = weighed.languages
    score = 0.0
    for line in weighed.lines:
        facts = _count(line)
        score += max(facts.weigh(first), max(facts.weigh(one) for one in others) - _CHANGE)
    return score


def _hush(match: re.Match[str]) -> str:
    """A word of capitals in small letters: that it has many is one fact, not many."""
    word = match[0]
    return word.lower() if len(word) > 2 and word.isupper() else word


def _weigh_letter(letter: str, language: Language) -> float:
    known = language.weights.get(letter)
    if known is not None:
        return known
    small, in_latin, elsewhere = _describe(letter)
    known = language.weights.get(small)
    if known is not None:
        return known - 1.5
    return in_latin if language.is_latin else elsewhere


@lru_cache(maxsize=8192)
def _describe(letter: str) -> tuple[str, float, float]:
    """A letter's small form, and what it weighs in languages that haven't it: those in Latin letters, and others."""
    small = letter.lower()
    if letter in _QUOTES:
        return small, -6.0, -6.0
    if letter in _SIGNS:
        return small, -8.0, -8.0
    kind = unicodedata.category(letter)
    if letter == "\ufffd" or kind in ("Cc", "Cn", "Co", "Cs"):
        return small, -18.0, -18.0
    if kind[0] in "LM":
        return small, -10.0 if small in _ABROAD else -13.0, -13.0
    return small, -12.0, -12.0


def _weigh_context(text: str, words: Counter[str]) -> float:
    """What speaks against a text in any language: signs inside words, capitals after small letters, mixed scripts."""
    score = -6.0 * sum(
        match[1] not in _INSIDE for match in re.finditer(r"(?<=[^\W\d_])([^\w\s\x00-\x7f])(?=[^\W\d_])", text)
    )
    score -= 8.0 * len(_LOST.findall(text))
    score += 2.5 * len(_THAI_MARK.findall(text)) - 8.0 * len(_LOST_MARK.findall(text))
    for word, count in words.items():
        if word.isascii():
            continue
        odd = sum(after.isupper() and before.islower() for before, after in zip(word, word[1:], strict=False))
        score -= 5.0 * odd * count
        if _is_mixed(word):
            score -= 10.0 * count
        own = sum(not letter.isascii() for letter in word)
        if len(word) > 3 and own > 0.6 * len(word) and "LATIN" in unicodedata.name(word[0], ""):
            score -= 3.0 * count
    return score


def _is_mixed(word: str) -> bool:
    """Whether a word has letters of two scripts; those of East Asia may be together."""
    scripts = {_script(letter) for letter in word}
    return len(scripts - {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "COMBINING", ""}) > 1 or (
        len(scripts) > 1 and bool(scripts & {"CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI"})
    )


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0] if unicodedata.category(letter)[0] in "LM" else ""
