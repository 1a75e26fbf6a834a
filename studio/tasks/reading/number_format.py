"""A number of a workbook becomes the text that its sheet shows: dates, shares, prices, leading zeros, fractions.

Knows the language of Excel's number formats (ECMA-376, part 1, 18.8.31) as far as it doesn't depend on the computer
that shows it. What depends on one, or isn't understood, is None: the caller writes the plain value and tells so.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<half>[Aa][Mm]/[Pp][Mm]|[Aa]/[Pp])|(?P<general>[Gg]eneral)|(?P<power>[Ee][+-])"
    r"|(?P<date>[Yy]+|[Mm]+|[Dd]+|[Hh]+|[Ss]+(\.0+)?|[Ee]+|[Gg]+|[Bb]+)|(?P<digit>[0#?])|(?P<sign>[.,%/@])|(?P<other>.)",
    re.S,
)
_COLOURS = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color ?\d+", re.I)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)")
_MONTHS = (
    "January February March April May June July August September October November December".split()  # as English Excel
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ENGLISH = {0x09}
"""The low byte of a language's code that names months and days as above."""
_SYSTEM = ("F800", "F400")
"""Codes of "as this computer writes dates", and times."""


class Token(NamedTuple):
    """A piece of a format: what kind it is, and its text."""

    kind: str
    text: str


def show_number(value: float | int, code: str, from_1904: bool = False) -> str | None:
    """Return how a sheet shows a number by a format's code; None where that isn't known."""
    section, sign = _choose_section(value, code)
    if section is None:
        return None
    tokens = _tokens(section)
    if tokens is None:
        return None
    kinds = {token.kind for token in tokens}
    if kinds & {"date", "half", "elapsed"}:
        return None if value < 0 else _show_date(value, tokens, section, from_1904)
    if "general" in kinds:
        shown = show_general(abs(value) if sign else value)
        return "".join(shown if token.kind == "general" else token.text for token in tokens).strip()
    if not kinds & {"digit"}:
        return "".join(token.text for token in tokens if token.kind == "literal").strip() or (
            "" if not section else None
        )
    number = Decimal(repr(value))
    text = _show_digits(abs(number), tokens)
    return None if text is None else ("-" + text if number < 0 and not sign and _is_seen(text) else text)


def show_text(text: str, code: str) -> str:
    """Return how a sheet shows a text by a format's code: what is around @ is added."""
    section = code.split(";")[3] if code.count(";") == 3 else code if "@" in code else ""
    tokens = _tokens(section) if section not in ("", "@") else None
    if not tokens or not any(token == Token("sign", "@") for token in tokens):
        return text
    return "".join(text if token == Token("sign", "@") else token.text for token in tokens if token.kind != "blank")


def show_general(value: float | int) -> str:
    """Return a number with as many digits as it was given, and no more than a sheet keeps (15)."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    text = repr(float(f"{value:.15g}")).upper()
    return text.removesuffix(".0")


def is_date_format(code: str) -> bool:
    """Say whether a format shows a date or a time."""
    tokens = _tokens(_sections(code)[0]) if code else ()
    if tokens is None:  # in a calendar that isn't known here
        return re.search(r"[ymdhs]|g+e", re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code), re.I) is not None
    return any(token.kind in ("date", "half", "elapsed") for token in tokens)


def is_system_format(code: str) -> bool:
    """Say whether a format looks otherwise on each computer."""
    return any(f"-{word}]" in code.upper() for word in _SYSTEM)


def to_moment(value: float | int, from_1904: bool = False) -> datetime | None:
    """Return the moment of a serial number, to the millisecond; None where there is none."""
    try:
        if from_1904:
            return datetime(1904, 1, 1) + timedelta(milliseconds=round(value * 86_400_000))
        days = value if value >= 61 else value + 1  # the sheets' calendar has a 29 February 1900
        return datetime(1899, 12, 30) + timedelta(milliseconds=round(days * 86_400_000))
    except (OverflowError, ValueError):
        return None


def show_plain_date(value: float | int, from_1904: bool = False) -> str | None:
    """Return a serial number as ISO 8601 has it: a day, a time, or both."""
    moment = to_moment(value, from_1904)
    if moment is None or value < 0:
        return None
    kept = "seconds" if not moment.microsecond else "milliseconds"
    if value < 1:
        return moment.time().isoformat(kept)
    is_day = not (moment.hour or moment.minute or moment.second or moment.microsecond)
    return moment.date().isoformat() if is_day else moment.isoformat(" ", kept)


# ---- the language of formats


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[str, ...]:
    """The parts of a format that semicolons divide, outside quotes and brackets."""
    parts = re.findall(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*(?:;|$)', code, re.S)
    return tuple(part.removesuffix(";") for part in parts[: code.count(";") + 1])


@lru_cache(maxsize=1000)
def _tokens(section: str) -> tuple[Token, ...] | None:
    """The pieces of one section; None if one isn't known."""
    found: list[Token] = []
    for match in _TOKEN.finditer(section):
        kind, text = match.lastgroup or "", match[0]
        if match["quoted"] is not None or match["escaped"] is not None:
            found.append(Token("literal", match["quoted"] or match["escaped"] or ""))
        elif match["fill"] is not None or text[0] == "_":
            found.append(Token("blank", " "))
        elif match["bracket"] is not None:
            token = _read_bracket(match["bracket"])
            if token is None:
                return None
            found.append(token)
        elif match["date"] is not None:
            if text[0] in "eEgGbB":  # years of an emperor, of Buddha
                return None
            found.append(Token("date", text.lower()))
        elif match["other"] is not None:
            found.append(Token("literal", text))
        else:
            found.append(Token(kind, text))
    return tuple(found)


def _read_bracket(inside: str) -> Token | None:
    if inside.startswith("$"):
        sign, _, language = inside[1:].partition("-")
        if language and int(language[-4:] or "0", 16) & 0xFF not in _ENGLISH and not sign:
            return Token("language", "")
        return Token("literal", sign)
    if re.fullmatch(r"h+|m+|s+", inside, re.I):
        return Token("elapsed", inside.lower())
    return Token("literal", "") if _COLOURS.fullmatch(inside) or _CONDITION.fullmatch(inside) else None


def _choose_section(value: float | int, code: str) -> tuple[str | None, bool]:
    """The section that a value is shown by, and whether it says the sign of a negative number itself."""
    if is_system_format(code):
        return None, False
    sections = _sections(code)
    conditions = [next(iter(re.findall(r"\[((?:<=|>=|<>|<|>|=)-?[\d.]+)\]", section)), None) for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if condition is None or _holds(value, condition):
                return section, False
        return None, False
    numeric = sections[:3]
    if len(numeric) == 1:
        return numeric[0], False
    if value < 0:
        return numeric[1], True
    return (numeric[2] if value == 0 and len(numeric) > 2 else numeric[0]), False


def _holds(value: float | int, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    assert match is not None
    limit = float(match[2])
    return {
        "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit, "=": value == limit,
        "<>": value != limit,
    }[match[1]]  # fmt: skip


# ---- numbers


def _is_seen(text: str) -> bool:
    return any(letter in "123456789" for letter in text)


def _show_digits(number: Decimal, tokens: tuple[Token, ...]) -> str | None:
    """A number that isn't negative, its digits put where the format has places for them."""
    tokens = tuple(Token("literal", token.text) if token.kind == "blank" else token for token in tokens)
    number *= 100 ** sum(token == Token("sign", "%") for token in tokens)
    places = [n for n, token in enumerate(tokens) if token.kind == "digit"]
    slash = next((n for n, token in enumerate(tokens) if token == Token("sign", "/")), None)
    if slash is not None:
        return _show_fraction(number, tokens, slash)
    power = next((n for n, token in enumerate(tokens) if token.kind == "power"), None)
    whole_end = power if power is not None else len(tokens)
    point = next((n for n, token in enumerate(tokens[:whole_end]) if token == Token("sign", ".")), whole_end)
    before = [n for n in places if n < point]
    after = [n for n in places if point < n < whole_end]
    last = max((n for n in places if n < whole_end), default=-1)
    commas = [n for n, token in enumerate(tokens[:whole_end]) if token == Token("sign", ",")]
    grouped = any(before and before[0] < n < before[-1] for n in commas)
    number /= Decimal(1000) ** sum(last < n or (n < point and bool(before) and n > before[-1]) for n in commas)
    exponent = 0
    if power is not None:
        step = max(1, len(before))
        exponent = number.adjusted() // step * step if number else 0
        number = number.scaleb(-exponent)
    number = number.quantize(Decimal(1).scaleb(-len(after)), ROUND_HALF_UP)
    if power is not None and number >= 10 ** max(1, len(before)):
        exponent += max(1, len(before))
        number = number.scaleb(-max(1, len(before))).quantize(Decimal(1).scaleb(-len(after)), ROUND_HALF_UP)
    whole, _, rest = f"{number:f}".partition(".")
    filled = {**_fill_whole(whole, tokens, before, grouped), **_fill_rest(rest, tokens, after)}
    if power is not None:
        filled |= _fill_power(exponent, tokens, power, [n for n in places if n > power])
    return "".join(_write_tokens(tokens, filled, whole if not before and whole != "0" else "", point)).strip()


def _write_tokens(tokens: tuple[Token, ...], filled: dict[int, str], lead: str, point: int) -> Iterator[str]:
    for n, token in enumerate(tokens):
        if n in filled:
            yield filled[n]
        elif token == Token("sign", "."):
            yield f"{lead}." if n == point else "."
        elif token.kind == "literal" or token == Token("sign", "%"):
            yield token.text


def _fill_whole(whole: str, tokens: tuple[Token, ...], places: list[int], grouped: bool) -> dict[int, str]:
    """The digits before the point, from the right; what is over is in the first place."""
    digits = "" if whole == "0" else whole
    filled: dict[int, str] = {}
    count = 0
    for n in reversed(places):
        if n == places[0] and len(digits) > 1:
            digit, digits = digits, ""
        elif digits:
            digit, digits = digits[-1], digits[:-1]
        else:
            digit = {"0": "0", "?": " ", "#": ""}[tokens[n].text]
        if grouped and digit.strip():
            written = ""
            for letter in reversed(digit):
                written = letter + ("," if count and count % 3 == 0 else "") + written
                count += 1
            digit = written
        filled[n] = digit
    return filled


def _fill_rest(rest: str, tokens: tuple[Token, ...], places: list[int]) -> dict[int, str]:
    """The digits after the point; zeros at the end only where the format asks for them."""
    filled: dict[int, str] = {}
    wanted = False
    for n, digit in reversed(list(zip(places, rest, strict=True))):
        wanted = wanted or digit != "0" or tokens[n].text == "0"
        filled[n] = digit if wanted else {"?": " ", "#": ""}[tokens[n].text]
    return filled


def _fill_power(exponent: int, tokens: tuple[Token, ...], power: int, places: list[int]) -> dict[int, str]:
    sign = "-" if exponent < 0 else "+" if tokens[power].text[1] == "+" else ""
    digits = str(abs(exponent)).rjust(len(places), "0")
    filled = dict.fromkeys(places, "")
    return {power: f"{tokens[power].text[0]}{sign}", **filled, **({places[0]: digits} if places else {})}


def _show_fraction(number: Decimal, tokens: tuple[Token, ...], slash: int) -> str | None:
    """A number as a fraction, such as `# ?/?` or `# ?/8`."""
    below = "".join(token.text for token in tokens[slash + 1 :])
    fixed = re.match(r"\s*(\d+)", below)
    places = sum(token.kind == "digit" for token in tokens[slash + 1 :])
    has_whole = any(token.kind == "digit" for token in tokens[: slash - 1]) and any(
        token.kind == "literal" for token in tokens[:slash]
    )
    if fixed and fixed[1].strip("0"):
        part = Fraction(round(Fraction(number) * int(fixed[1])), int(fixed[1]))
        denominator = int(fixed[1])
    elif places:
        part = _approach(Fraction(number), 10**places - 1)
        denominator = part.denominator
    else:
        return None
    numerator = part.numerator * denominator // part.denominator
    whole, numerator = divmod(numerator, denominator) if has_whole else (0, numerator)
    if not numerator and has_whole:
        return str(whole)
    return f"{whole} {numerator}/{denominator}" if whole else f"{numerator}/{denominator}"


def _approach(number: Fraction, largest: int) -> Fraction:
    """The last convergent of a number with no larger denominator, which is what sheets show, though some are nearer."""
    (p, q), (before_p, before_q), rest = (int(number), 1), (1, 0), number - int(number)
    while rest:
        rest = 1 / rest
        step = int(rest)
        p, q, before_p, before_q = step * p + before_p, step * q + before_q, p, q
        if q > largest:
            return Fraction(before_p, before_q)
        rest -= step
    return Fraction(p, q)


# ---- dates and times


def _show_date(value: float | int, tokens: tuple[Token, ...], section: str, from_1904: bool) -> str | None:
    foreign = any(token.kind == "language" for token in tokens)
    if foreign and any(re.fullmatch(r"mmm+|ddd+", token.text) for token in tokens if token.kind == "date"):
        return None
    fraction = max((len(token.text.partition(".")[2]) for token in tokens if token.kind == "date"), default=0)
    shown = [token for token in tokens if token.kind in ("date", "elapsed")]
    if any(token.text.startswith("s") or token.kind == "elapsed" for token in shown):
        # seconds are rounded as shown; where none are shown, minutes are cut
        value = float(Decimal(round(Decimal(repr(value)) * 86_400, fraction)) / 86_400)
    moment = to_moment(value, from_1904)
    if moment is None:
        return None
    has_half = any(token.kind == "half" for token in tokens)
    seconds = Decimal(round(Decimal(repr(value)) * 86_400, fraction))
    texts: list[str] = []
    for n, token in enumerate(tokens):
        if token.kind == "half":
            word = "AM" if moment.hour < 12 else "PM"
            texts.append(word if len(token.text) > 3 else word[0])
        elif token.kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[token.text[0]]
            texts.append(str(int(seconds // unit)).rjust(len(token.text), "0"))
        elif token.kind == "date":
            texts.append(_show_part(moment, token.text, has_half, _are_minutes(tokens, n), seconds))
        elif token.kind in ("literal", "sign", "digit"):
            texts.append(token.text)
        elif token.kind == "blank":
            texts.append(" ")
    return "".join(texts).strip()


def _are_minutes(tokens: tuple[Token, ...], place: int) -> bool:
    """Whether an m means minutes: it comes after hours, or before seconds."""
    units = [(n, token.text[0]) for n, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    at = [n for n, _ in units].index(place)
    return (at > 0 and units[at - 1][1] == "h") or (at + 1 < len(units) and units[at + 1][1] == "s")


def _show_part(moment: datetime, text: str, has_half: bool, are_minutes: bool, seconds: Decimal) -> str:
    unit, width = text[0], len(text)
    if unit == "y":
        return f"{moment.year:04d}" if width > 2 else f"{moment.year % 100:02d}"
    if unit == "d":
        return _name(moment.day, _DAYS[moment.weekday()], width)
    if unit == "m" and not are_minutes:
        name = _MONTHS[moment.month - 1]
        return name[0] if width == 5 else _name(moment.month, name, width)
    if unit == "s":
        whole, _, fraction = text.partition(".")
        part = f"{seconds % 60:.{len(fraction)}f}" if fraction else str(int(seconds % 60))
        return part.rjust(len(text) if len(whole) > 1 else 0, "0")
    hour = (moment.hour % 12 or 12) if has_half else moment.hour
    return str(hour if unit == "h" else moment.minute).rjust(2 if width > 1 else 0, "0")


def _name(number: int, name: str, width: int) -> str:
    """A day or month as a number, or by its name: 1, 01, Jan, January."""
    if width > 3:
        return name
    return name[:3] if width == 3 else str(number).rjust(width, "0")
