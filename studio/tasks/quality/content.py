"""What is in the texts: blanks, broken letters, markup, personal data, unfilled placeholders, foreign ids.

Every pattern counts instances, shows one place, and has a repair or a fix. Texts are shown with `repr`, so that
control characters and markup are inert.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from studio.tasks.quality.finding import Finding, Severity, count_of, say_places
from studio.tasks.quality.repairs import LANGUAGES, has_foreign_id, repair_mojibake
from studio.tasks.task import Task


class Pattern(NamedTuple):
    """Something to look for in every text of an instance; `find` returns what was found, or ""."""

    name: str
    severity: Severity
    title: str
    words: str
    way: str
    find: Callable[[str], str]
    fix: str = ""
    fix_words: str = ""


def _search(pattern: str, flags: int = 0) -> Callable[[str], str]:
    compiled = re.compile(pattern, flags)

    def find(text: str) -> str:
        found = compiled.search(text)
        return found[0] if found else ""

    return find


def _find_blanks(text: str) -> str:
    return text if text != text.strip() and text.strip() else ""


def _find_mojibake(text: str) -> str:
    if text.isascii():
        return ""
    if "\ufffd" in text:
        return text[max(0, text.index("\ufffd") - 10) :][:30]
    better = repair_mojibake(text)
    if better == text:
        return ""
    at = next(n for n, (a, b) in enumerate(zip(text, better, strict=False)) if a != b)
    return text[max(0, at - 10) : at + 20]


def _find_card(text: str) -> str:
    for found in re.finditer(r"\b(?:\d[ -]?){13,16}\b", text):
        digits = [int(letter) for letter in found[0] if letter.isdigit()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
        if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 2:
            return found[0]
    return ""


PERSONAL: dict[str, Callable[[str], str]] = {
    "EMAIL": _search(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    "KEY": _search(
        r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{16}\b|\bhf_[A-Za-z]{30,}\b"
        r"|\bgh[pousr]_[A-Za-z0-9]{30,}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    ),
    "CARD": _find_card,
    "IBAN": _search(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "PHONE": _search(
        r"(?<![\w.-])(?:\+\d{1,3}[ .-]?)(?:\(?\d{1,4}\)?[ .-]?){2,4}\d{2,4}\b|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b"
    ),
    "IP": _search(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"),
}
"""Kinds of personal data by the word that a mask writes, and how each is found."""


_HINT = re.compile(r"[\d@_]|-----")
"""Without one of these there is no personal data to find, which most texts are spared by."""


def find_personal(text: str) -> str:
    """Return the first thing in a text that may identify a person or open a door, with its kind; "" if none."""
    if not _HINT.search(text):
        return ""
    return next((f"{kind}: {found}" for kind, find in PERSONAL.items() if (found := find(text))), "")


PATTERNS = (
    Pattern("blanks", "remark", "White space around texts", "white space at an end of input or output",
            "The model would learn to write it. Remove it.", _find_blanks, "blanks", "Remove it"),
    Pattern("mojibake", "warning", "Broken letters", "letters that were read in the wrong encoding",
            "The text was saved once in another encoding. Repair what can be repaired, and check the rest.",
            _find_mojibake, "mojibake", "Repair them"),
    Pattern("markup", "remark", "HTML in texts", "HTML tags or entities",
            "The model would learn to write them. Here they are only shown, never run. Clean them where they were "
            "not meant.", _search(r"</?[A-Za-z][\w-]*(?:\s[^<>]{0,200})?/?>|&(?:[a-z]{2,8}|#\d{2,5});"), "entities",
            "Decode the entities"),
    Pattern("line breaks", "remark", "Written-out line breaks", "a backslash and n where a line break may be meant",
            "If a line break is meant, turn it into one.", _search(r"\\r\\n|\\n"), "line breaks", "Turn them"),
    Pattern("invisible", "warning", "Characters that can't be seen", "control, zero-width or direction characters",
            "They change how text is shown or cut into tokens. Remove them.",
            _search("[\u200b\u2060\ufeff\u00ad\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"),
            "invisible", "Remove them"),
    Pattern("links", "remark", "Web addresses", "a web address",
            "The model may learn to invent such addresses. Leave them if they are part of the task.",
            _search(r"\bhttps?://[^\s<>\"]+|\bwww\.[\w-]+\.[^\s<>\"]+"), "leave out", "Leave them out"),
    Pattern("personal data", "warning", "Possible personal data", "what looks like an address, number or key of a "
            "person", "A tuned model can repeat it. Mask it, or leave the example out.", find_personal, "mask",
            "Replace it with [EMAIL] and the like"),
    Pattern("placeholders", "warning", "Unfilled placeholders", "a placeholder that was never filled",
            "The model would learn to write it. Fill it in, or leave the example out.",
            _search(r"\{\{\s*[\w .-]{1,40}\s*\}\}|\$\{\w{1,40}\}|\[(?:NAME|INSERT|YOUR|TODO|PLACEHOLDER)[^\]]{0,40}\]"
                    r"|<(?:name|insert|your|placeholder)[^>]{0,40}>|\blorem ipsum\b", re.I), "leave out",
            "Leave them out"),
)  # fmt: skip


def check_content(task: Task) -> list[Finding]:
    """Return what is odd in the texts of the instances."""
    found: dict[str, list[int]] = {pattern.name: [] for pattern in PATTERNS}
    shown: dict[str, str] = {}
    for number, instance in enumerate(task.instances):
        texts = instance.list_texts()
        for pattern in PATTERNS:
            piece = next((piece for text in texts if (piece := pattern.find(text))), "")
            if piece:
                found[pattern.name].append(number)
                shown.setdefault(pattern.name, piece)
    findings = [
        Finding(
            name=pattern.name,
            severity=pattern.severity,
            title=pattern.title,
            words=f"{count_of(len(found[pattern.name]), 'hold')} {pattern.words}: "
            f"{say_places(task, found[pattern.name])}; found {ascii(shown[pattern.name][:60])}. {pattern.way}",
            numbers=tuple(found[pattern.name]),
            fix=pattern.fix,
            fix_words=pattern.fix_words,
        )
        for pattern in PATTERNS
        if found[pattern.name]
    ]
    return findings + _check_ids(task) + _check_language_names(task)


def _check_ids(task: Task) -> list[Finding]:
    foreign = tuple(n for n, item in enumerate(task.instances) if has_foreign_id(task, item))
    if not foreign:
        return []
    own = task.task_id.split("_")[0]
    return [
        Finding(
            name="foreign ids",
            severity="remark",
            title="Ids of another task",
            words=f"{count_of(len(foreign))} an id with another task's number, expected {own}-...: "
            f"{say_places(task, foreign)}. Perhaps they were copied. Give them ids of their own.",
            numbers=foreign,
            fix="own ids",
            fix_words="Give them this task's number",
        )
    ]


def _check_language_names(task: Task) -> list[Finding]:
    codes = [
        text
        for texts in (task.input_languages, task.output_languages, task.instruction_languages)
        for text in texts
        if text.strip().lower() in LANGUAGES
    ]
    if not codes:
        return []
    return [
        Finding(
            name="language codes",
            severity="remark",
            title="Codes where names are usual",
            words=f"Input_language, Output_language or Instruction_language: found {codes[0]!r}, expected an English "
            f"name such as {LANGUAGES[codes[0].strip().lower()]!r}. Write the name.",
            fix="languages",
            fix_words="Write the names",
        )
    ]
