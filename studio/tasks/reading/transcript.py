"""A whole chat that was written into one text becomes its turns again: names with colons, or a chat template's marks.

Knows the marks that people and the templates of the common families put before a turn. Knows no other form of a chat
(`conversation.py`) and leaves one turn to `written_turn.py`.
Source of the marks: the templates of ChatML, Zephyr, Llama 2 and 3, Gemma; stanford_alpaca's prompt; guanaco's rows.
"""

import re
from typing import Any, NamedTuple

from studio.tasks.written_turn import find_role

_NAMES = "Human|User|Assistant|AI|Bot|GPT|ChatGPT|System"
_PARTS = {
    "instruction": "user", "input": "user", "question": "user", "response": "assistant", "output": "assistant",
    "answer": "assistant",
}  # fmt: skip
"""What Alpaca's headings stand for."""
_BEGINNINGS = re.compile(r"\s*(<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>|\[gMASK\]<sop>)?\s*")
_INSTRUCTION = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=(?:<s>)?\s*\[INST\]|\Z)", re.DOTALL)
_SYSTEM = re.compile(r"\s*<<SYS>>\s*(.*?)\s*<</SYS>>\s*(.*)", re.DOTALL)

Turns = list[dict[str, Any]]


class _Style(NamedTuple):
    """What is before a turn (its first group names the role), what ends one, and whether there may be a preface."""

    mark: re.Pattern[str]
    ends: tuple[str, ...] = ()
    may_begin_late: bool = False


_STYLES = (
    _Style(re.compile(rf"^({_NAMES})[ \t]*:[ \t]*", re.MULTILINE)),
    _Style(
        re.compile(rf"[ \t]*###[ \t]*({_NAMES}|{'|'.join(_PARTS)})[ \t]*:[ \t]*", re.IGNORECASE),
        ("</s>", "<|endoftext|>"),
        may_begin_late=True,
    ),
    _Style(re.compile(r"<\|im_start\|>[ \t]*(\w+)[ \t]*\n?"), ("<|im_end|>",)),
    _Style(re.compile(r"<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>\n{0,2}"), ("<|eot_id|>", "<|eom_id|>")),
    _Style(re.compile(r"<start_of_turn>[ \t]*(\w+)[ \t]*\n?"), ("<end_of_turn>",)),
    _Style(re.compile(r"<\|(system|user|assistant)\|>[ \t]*\n?"), ("<|end|>", "</s>", "<|endoftext|>")),
)


def read_transcript(text: str) -> Turns:
    """Return the turns of "Human: ... Assistant: ..." and the like; [] if a text doesn't begin that way."""
    found = _read_instructions(text) if "[INST]" in text else []
    for style in _STYLES:
        found = found or _read_marks(text, style)
    return found


def _read_marks(text: str, style: _Style) -> Turns:
    marks = [mark for mark in style.mark.finditer(text) if _name_role(mark[1])]
    if len(marks) < 2:
        return []
    before = text[: marks[0].start()][_BEGINNINGS.match(text).end() :].strip()  # type: ignore[union-attr]
    if before and not style.may_begin_late:
        return []
    turns: Turns = [{"role": "system", "content": before}] if before else []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        role, said = _name_role(mark[1]), _take_end_off(text[mark.end() : end], style.ends)
        if turns and turns[-1]["role"] == role == "user" and mark[1].lower() in _PARTS:
            turns[-1]["content"] += f"\n\n{said}" if said else ""
        else:
            turns.append({"role": role, "content": said})
    return turns if {turn["role"] for turn in turns} >= {"user", "assistant"} else []


def _name_role(name: str) -> str | None:
    return _PARTS.get(name.lower()) or find_role(name)


def _take_end_off(text: str, ends: tuple[str, ...]) -> str:
    """A turn without the mark that ends it and the line breaks around it."""
    for end in ends:
        text = text.rstrip().removesuffix(end) if text.rstrip().endswith(end) else text
    return text.strip("\n")


def _read_instructions(text: str) -> Turns:
    """Turns of Llama 2 and Mistral: [INST] question [/INST] answer </s>, the system text inside the first."""
    turns: Turns = []
    start = _BEGINNINGS.match(text)
    found = list(_INSTRUCTION.finditer(text))
    if not found or not start or text[start.end() : found[0].start()].strip():
        return []
    for number, part in enumerate(found):
        asked, answer = part[1].strip(), _take_end_off(part[2], ("</s>", "<s>")).strip()
        if number == 0 and (told := _SYSTEM.match(part[1])):
            turns.append({"role": "system", "content": told[1]})
            asked = told[2].strip()
        turns.append({"role": "user", "content": asked})
        if answer:
            turns.append({"role": "assistant", "content": answer})
    return turns if turns[-1]["role"] == "assistant" else []
