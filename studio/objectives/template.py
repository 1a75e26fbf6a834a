"""A conversation as the model's own chat template writes it, and where in that text its answers are.

Knows transformers' templates, and no tokens. The text is what `apply_chat_template` makes of the whole conversation.
An answer is found by writing another one in its place and looking at what changes: that is right also where a template
drops the thinking of earlier turns, writes an empty block of it, or puts answers into a channel. Of what a template
adds, the end of a turn is learnt; and where an answer is more than its words (thinking, calls of tools), all that the
model has to write after it is asked. What a template leaves out or refuses is refused here, in words.
"""

import json
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, dropwhile, product
from typing import Any, NamedTuple

from studio.errors import RecipeError
from studio.objectives.rendering import Rendering, Span, find_controls, find_free_letters
from studio.tasks.dialogue import Dialogue
from studio.tasks.prompt import REASONING, Turn
from studio.tasks.tool import load_json

Render = Callable[[str, dict[str, str], list[Turn], list[Turn] | None, bool], str]
"""Makes a text of a template, the names of its control tokens, turns, tools, and whether an answer is asked for."""
_FIELD = "objective.template"
_WAY = "Choose the template plain, or another model."


class _Chat(NamedTuple):
    """A conversation that can be written: (turns, whether an answer is asked for) to text, and the turns.

    `other` is a letter that is nowhere in it, for another answer. `hidden` are letters for the control tokens that
    a person spells in it. `end` is the end token as it is spelled.
    """

    render: Callable[..., str]
    turns: list[Turn]
    other: str
    hidden: dict[str, str]
    end: str

    def put(self, place: int, turn: Turn) -> str:
        """Return the conversation with another turn at a place."""
        return self.render([*self.turns[:place], turn, *self.turns[place + 1 :]])


def render_chat(dialogue: Dialogue, learnt: Sequence[int], tokenizer: Any) -> Rendering:
    """Return a whole conversation and its answers at the places `learnt`. Raises RecipeError in words."""
    chat = _open(dialogue, tokenizer)
    text = chat.render(chat.turns)
    _check_written(chat, text, dialogue.tools)
    controls = find_controls(tokenizer)
    spans, ids, is_closed = list[Span](), list[Span](), True
    for place in learnt:
        start, end = _find_answer(chat, text, place, controls)
        closed = _find_control(chat, text, end, place, controls)
        is_closed = closed is not None
        spans.append((start, _find_tail(chat, text, end, place) if closed is None else closed))
        ids += _find_ids(chat, text, place, spans[-1])
    text, places, letters = _spell(text, chat.hidden, [*spans, *ids])
    return Rendering(
        text,
        learnt=places[: len(spans)],
        letters=letters,
        unlearnt=places[len(spans) :],
        is_whole=False,
        needs_end=not is_closed and learnt[-1] == len(chat.turns) - 1,
    )


def drops_thoughts(dialogue: Dialogue, learnt: Sequence[int], tokenizer: Any) -> bool:
    """Whether the template leaves out what was thought before one of the answers at the places `learnt`."""
    turns = [dialogue.turns[place] for place in learnt]
    thoughts = [str(turn[key]).strip() for turn in turns for key in REASONING if turn.get(key)]
    return bool(thoughts) and not all(each in render_chat(dialogue, learnt, tokenizer).text for each in thoughts)


def render_chat_prompt(dialogue: Dialogue, thinks: bool, tokenizer: Any) -> Rendering:
    """Return what is before the next answer, or before its thoughts where `thinks`. Raises RecipeError in words."""
    chat = _open(dialogue, tokenizer)
    answer: Turn = {"role": "assistant", "content": chat.other}
    text = chat.render([*chat.turns, answer])
    if chat.other not in text:
        raise _refuse("leaves the answer out")
    asked = text[: text.index(chat.other)]
    if thinks:
        text = chat.render([*chat.turns, {"role": "assistant", "content": "-", "reasoning_content": chat.other}])
        if chat.other in text:
            asked = os.path.commonprefix([text[: text.index(chat.other)], chat.render(chat.turns, True)])
    text, _, letters = _spell(asked, chat.hidden, [])
    return Rendering(text, letters=letters, is_whole=False)


def _open(dialogue: Dialogue, tokenizer: Any) -> _Chat:
    if not tokenizer.chat_template:
        raise RecipeError(
            "This model has no chat template, so it knows no turns. Choose the template plain.", field=_FIELD
        )
    said, controls = "\n".join(_list_texts([dialogue.turns, dialogue.tools])), find_controls(tokenizer)
    spelled = sorted(set(controls.findall(said)))
    first = find_free_letters(said, len(spelled) + 1)
    letters = {text: chr(first + 1 + number) for number, text in enumerate(spelled)}
    turns, tools = [dict(turn) for turn in dialogue.turns], list(dialogue.tools)
    if letters:
        hide = partial(controls.sub, lambda found: letters[found[0]])
        turns, tools = _map_texts(turns, hide), _map_texts(tools, hide)
    render = partial(_render, tokenizer, tools or None)
    hidden = {letter: text for text, letter in letters.items()}
    return _Chat(render, _choose_form(render, turns), chr(first), hidden, tokenizer.eos_token)


def render_template(
    template: str, names: dict[str, str], turns: list[Turn], tools: list[Turn] | None, asks: bool
) -> str:
    """Return what a chat template makes of turns; `names` are its control tokens. Raises RecipeError in words."""
    from transformers.utils.chat_template_utils import render_jinja_template

    try:
        texts, _ = render_jinja_template(
            conversations=[turns], tools=tools, chat_template=template, add_generation_prompt=asks, **names
        )
    except MemoryError:
        raise
    except Exception as error:  # jinja's, or whatever the template's author raises in it
        raise RecipeError(str(error)[:200], field=_FIELD) from None
    return str(texts[0])


def _render(tokenizer: Any, tools: list[Turn] | None, turns: list[Turn], ask: bool = False) -> str:
    try:
        return str(tokenizer.apply_chat_template(turns, tools=tools, tokenize=False, add_generation_prompt=ask))
    except MemoryError:
        raise _refuse("asks for more memory than it may have") from None
    except Exception as error:  # jinja's, or whatever the template's author raises in it
        raise _refuse(f"refuses these turns ({str(error)[:200]})") from None


def _refuse(what: str) -> RecipeError:
    return RecipeError(f"The model's chat template {what}. {_WAY}", field=_FIELD)


def _choose_form(render: Callable[..., str], turns: list[Turn]) -> list[Turn]:
    """The turns in the first form that the template takes: templates differ in how a call of a tool has to look."""
    if not any(turn.get("tool_calls") for turn in turns):
        return turns
    refused = None
    for has_content, own_ids, as_objects in product((False, True), (True, False), (True, False)):
        formed = _form(turns, has_content, own_ids, as_objects)
        try:
            render(formed)
        except RecipeError as error:
            refused = refused or error
        else:
            return formed
    raise refused or AssertionError


def _form(turns: list[Turn], has_content: bool, own_ids: bool, as_objects: bool) -> list[Turn]:
    """Turns with arguments as objects or as JSON texts, with their own ids or ones of nine letters that are made up."""
    number, waiting, formed = count(1), list[tuple[Any, str]](), list[Turn]()
    for turn in turns:
        turn = dict(turn)
        if turn.get("tool_calls"):
            if not turn.get("content") and not has_content:
                turn.pop("content", None)
            calls = []
            for call in turn["tool_calls"]:
                function = dict(call.get("function", call))
                given = load_json(function.get("arguments", {}))
                function["arguments"] = given if as_objects else json.dumps(given, ensure_ascii=False)
                id = call.get("id") if own_ids else f"call{next(number):05d}"
                waiting.append((call.get("id"), id))
                calls.append({**({"id": id} if id else {}), "type": "function", "function": function})
            turn["tool_calls"] = calls
        elif turn["role"] == "tool" and not own_ids and waiting:
            at = next((n for n, (old, _) in enumerate(waiting) if old and old == turn.get("tool_call_id")), 0)
            turn["tool_call_id"] = waiting.pop(at)[1]
        formed.append(turn)
    return formed


def _check_written(chat: _Chat, text: str, tools: Sequence[Turn]) -> None:
    """Raise RecipeError where the template leaves out what somebody else than the assistant said, or a tool."""
    for place, turn in enumerate(chat.turns):
        said = str(turn.get("content") or "").strip()
        if turn["role"] == "assistant" or said in text:
            continue
        if chat.other not in chat.put(place, {**turn, "content": chat.other}):
            raise _refuse(f"leaves out what the {turn['role']} says ({said[:60]!r})")
    for tool in tools:
        name = str(tool.get("function", tool).get("name", ""))
        if name not in text:
            raise _refuse(f"has no place for tools, and this conversation offers some ({name[:60]})")


def _find_answer(chat: _Chat, text: str, place: int, controls: re.Pattern[str]) -> Span:
    turn = chat.turns[place]
    try:
        other = chat.put(place, {"role": "assistant", "content": chat.other})
    except RecipeError:  # the answer of a tool follows, and has to be asked for
        if not turn.get("tool_calls"):
            raise
        start = _find_call(chat, text, place)
        changed = {**turn, "tool_calls": _change_calls(turn, chat.other, keeps_name=True)}
        end = _differ(text, chat.put(place, changed), chat.other)[1]
    else:
        start, end = _differ(text, other, chat.other)
    end = next((one.start() for one in controls.finditer(text, start) if one.start() < end < one.end()), end)
    calls = [str(call["function"].get("name", "")) for call in turn.get("tool_calls") or ()]
    missing = next((name for name in calls if name not in text[start:end]), None)
    if missing and chat.other not in chat.put(place, {**turn, "tool_calls": _change_calls(turn, chat.other)}):
        raise _refuse(f"writes no calls of tools, and this conversation holds some ({missing[:60]})")
    thoughts = [str(turn[key]).strip() for key in REASONING if turn.get(key)]
    is_more = not calls and text[start:end].strip() != str(turn.get("content") or "").strip()
    if is_more or any(thought in text[start:end] for thought in thoughts):
        start = _find_asked(chat, text, place, start)
    return start, end


def _differ(text: str, other: str, letter: str) -> Span:
    """Where a text differs from another that has a letter in its stead."""
    if letter not in other:
        raise _refuse("leaves the answer out")
    start = len(os.path.commonprefix([text, other]))
    return start, len(text) - len(os.path.commonprefix([text[start:][::-1], other[start + 1 :][::-1]]))


def _find_call(chat: _Chat, text: str, place: int) -> int:
    """Where a call of a tool begins: where words would, if nothing followed that needs the call."""
    before, least = chat.turns[place - 1 : place], 0
    if before:
        least = _differ(text, chat.put(place - 1, {**before[0], "content": chat.other}), chat.other)[1]
    after = list(dropwhile(lambda turn: turn["role"] == "tool", chat.turns[place + 1 :]))
    for rest in (after, []):
        try:
            other = chat.render([*chat.turns[:place], {"role": "assistant", "content": chat.other}, *rest])
        except RecipeError:
            continue
        start = len(os.path.commonprefix([text, other]))
        if start >= least:
            return start
    raise _refuse("writes calls of tools so that they can't be told from what is around them")


def _change_calls(turn: Turn, letter: str, keeps_name: bool = False) -> list[Turn]:
    """The calls of a turn with other arguments, and to another tool."""
    calls = []
    for call in turn["tool_calls"]:
        function, other = call["function"], {letter: letter}
        arguments = json.dumps(other, ensure_ascii=False) if isinstance(function["arguments"], str) else other
        named = {} if keeps_name else {"name": letter}
        calls.append({**call, "function": {**function, **named, "arguments": arguments}})
    return calls


def _find_asked(chat: _Chat, text: str, place: int, most: int) -> int:
    """Where the template stops when it asks for this answer; `most` where that can't be told."""
    try:
        before = chat.render(chat.turns[:place]) if place else ""
        asked = chat.render(chat.turns[:place], True)
    except RecipeError:
        return most
    header = asked[len(os.path.commonprefix([before, asked])) :]
    said = str(chat.turns[place - 1].get("content") or "").strip() if place else ""
    least = text.rfind(said, 0, most) + len(said)
    at = text.rfind(header, max(0, least), most) if header else -1
    return most if at < 0 else at + len(header)


def _find_control(chat: _Chat, text: str, end: int, place: int, controls: re.Pattern[str]) -> int | None:
    """Where the first control token after an answer ends, before anything else is said; None if there is none.

    A call of a tool may be closed by several: then where the end token is one of them.
    """
    found = controls.search(text, end)
    following = [str(turn.get("content") or "").strip() for turn in chat.turns[place + 1 : place + 2]]
    limit = text.find(following[0], end) if following and following[0] else -1
    if found is None or 0 <= limit < found.start():
        return None
    closing = text.find(chat.end, end, limit if limit >= 0 else len(text))
    return closing + len(chat.end) if closing >= 0 and chat.turns[place].get("tool_calls") else found.end()


def _find_tail(chat: _Chat, text: str, end: int, place: int) -> int:
    """Where an answer ends that no control token closes: with the text, or after the letters that close a turn."""
    if place == len(chat.turns) - 1:
        return len(text)
    alone = chat.render([*chat.turns[:place], {"role": "assistant", "content": chat.other}])
    tail = alone.partition(chat.other)[2].rstrip()
    return end + len(tail) if text.startswith(tail, end) else end


def _find_ids(chat: _Chat, text: str, place: int, span: Span) -> list[Span]:
    """Where the ids of an answer's calls are: they are random, and never learnt."""
    turn = chat.turns[place]
    ids = [str(call["id"]) for call in turn.get("tool_calls") or () if call.get("id")]
    if not ids:
        return []
    others = [{**call, "id": chat.other * len(str(call.get("id", "")))} for call in turn["tool_calls"]]
    try:
        other = chat.put(place, {**turn, "tool_calls": others})
    except RecipeError:
        other = ""
    if len(other) == len(text):
        return [found.span() for found in re.finditer(f"{re.escape(chat.other)}+", other)]
    found = (re.finditer(re.escape(id), text[span[0] : span[1]]) for id in ids)
    return [(span[0] + one.start(), span[0] + one.end()) for matches in found for one in matches]


def _spell(text: str, hidden: dict[str, str], spans: list[Span]) -> tuple[str, tuple[Span, ...], tuple[Span, ...]]:
    """A text with its hidden letters spelled out, where `spans` of it are then, and where the letters are."""
    spelled, letters, marks, at = "", list[Span](), [(0, 0)], 0
    for found in re.finditer("|".join(hidden) or "(?!)", text):
        spelled += text[at : found.start()]
        letters.append((len(spelled), len(spelled) + len(hidden[found[0]])))
        spelled += hidden[found[0]]
        at = found.end()
        marks.append((at, len(spelled)))
    olds = [old for old, _ in marks]

    def find(place: int) -> int:
        old, new = marks[bisect_right(olds, place) - 1]
        return new + place - old

    return spelled + text[at:], tuple((find(start), find(end)) for start, end in spans), tuple(letters)


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _list_texts(key)
            yield from _list_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _list_texts(item)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _map_texts(item, change) for key, item in value.items()}
    return [_map_texts(item, change) for item in value] if isinstance(value, list | tuple) else value
