"""Prompted: the head of objectives that learn answers to what is asked, and how both are written for the model.

A row is one text, tokenised once: what the model's chat template writes of the whole conversation, or definition, input
and answer in lines. Where answers are compared, an example has a row for each. Knows nothing of losses.
"""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from studio.errors import RecipeError
from studio.objectives.objective import Example, Objective, Row, longest_row
from studio.objectives.rendering import Rendering, Span, encode, encode_prompt, find_controls, list_controls
from studio.objectives.template import drops_thoughts, render_chat, render_chat_prompt
from studio.tasks.dialogue import Dialogue, write_dialogue, write_question
from studio.tasks.prompt import (
    REASONING,
    Part,
    Turn,
    goes_on,
    write_answer,
    write_ask,
    write_conversation,
    write_prompt,
)
from studio.tasks.task import Instance, Task

_ALIKE = 20
"""Instances that tell whether a task's answers begin with thoughts."""
_WORDS = ({"role": "user", "content": "?"}, {"role": "assistant", "content": "!"})
_CALL = {"id": "call00001", "type": "function", "function": {"name": "look", "arguments": {"at": "it"}}}
_TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}


class Prompted(Objective):
    """Learns answers. Its form says whether to the right one alone, or to a better one and a worse one."""

    template: Literal["plain", "tk_instruct", "chat"] = Field(
        "plain",
        title="Template",
        description="How definition and input are written for the model: plain lines, the longer form "
        "of Tk-Instruct, or the turns of the model's own chat template.",
        json_schema_extra={"advanced": True},
    )
    turns: Literal["all", "last"] = Field(
        "all",
        title="Answers learnt in a conversation",
        description="All of the assistant's turns, or the last one alone. What a file marks as not learnt never is.",
        json_schema_extra={"advanced": True},
    )
    positive_examples: int = Field(
        0,
        ge=0,
        le=8,
        title="Positive examples in the prompt",
        description="How many of the task's worked examples come before each input. Each makes every step slower.",
        json_schema_extra={"advanced": True},
    )
    negative_examples: int = Field(
        0,
        ge=0,
        le=8,
        title="Negative examples in the prompt",
        description="How many wrong examples are shown there too.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _has_a_place_for_all(self) -> Self:
        if self.template == "chat" and self.negative_examples:
            raise ValueError(
                "A chat template has no place for wrong examples. Set negative_examples to 0, or choose the template "
                "plain or tk_instruct."
            )
        return self

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the rows of one instance; None when one would not fit into `max_length` tokens, or teaches nothing."""
        rows = [self.encode_dialogue(task, dialogue, tokenizer) for dialogue in self._list_dialogues(task, instance)]
        example = tuple(row for row in rows if row is not None)
        return example if len(example) == len(rows) and longest_row(example) <= max_length else None

    def _list_dialogues(self, task: Task, instance: Instance) -> tuple[Dialogue, ...]:
        if self.form == "pair":
            return instance.write_choices(task, self.positive_examples)
        return (self.write_dialogue(task, instance),)

    def encode_dialogue(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> Row | None:
        """Return the row of turns that end in an answer, None where nothing of it is learnt."""
        learnt = self._list_learnt(dialogue)
        if not learnt:
            return None
        if self.template == "chat":
            rendering = render_chat(dialogue, learnt, tokenizer)
        elif dialogue.input is not None:
            rendering = self._render_input(task, dialogue, tokenizer)
        else:
            rendering = self._render_lines(dialogue, learnt, tokenizer)
        return encode(rendering, tokenizer)

    def drops_thoughts(self, task: Task, instance: Instance, tokenizer: Any) -> bool:
        """Return whether reasoning that comes with a learnt answer isn't written by the chat template."""
        dialogue = self.write_dialogue(task, instance)
        return self.template == "chat" and drops_thoughts(dialogue, self._list_learnt(dialogue), tokenizer)

    def _list_learnt(self, dialogue: Dialogue) -> tuple[int, ...]:
        counts = tuple(place for place, counts in enumerate(dialogue.counts) if counts)
        return counts[-1:] if self.turns == "last" else counts

    def write_dialogue(self, task: Task, instance: Instance) -> Dialogue:
        """Return an instance as turns, the task's worked examples before it."""
        return write_dialogue(task, instance, self.positive_examples)

    def write_question(
        self, task: Task, prompt: str, messages: Sequence[Turn] = (), tools: Sequence[Turn] = ()
    ) -> Dialogue:
        """Return what a person asks as turns, the task's worked examples before a prompt alone."""
        return write_question(task, prompt, messages, tools, self.positive_examples)

    def write_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> str:
        """Return the text before the next answer. Raises RecipeError for what a chat template refuses."""
        return self._render_prompt(task, dialogue, tokenizer).text

    def encode_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> list[int]:
        """Return that text's tokens, which are those that rows begin with."""
        return encode_prompt(self._render_prompt(task, dialogue, tokenizer), tokenizer)

    def list_ends(self, tokenizer: Any) -> set[int]:
        """Return the end token and, in a chat, those that the template writes after an answer and a call of a tool."""
        ends = {tokenizer.eos_token_id}
        if self.template == "chat":
            ends |= _find_ends(Dialogue(_WORDS, (False, True)), tokenizer)
            try:
                call = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
                ends |= _find_ends(Dialogue((_WORDS[0], call), (False, True), (_TOOL,)), tokenizer)
            except RecipeError:  # a template that knows no tools has no end for their calls
                return ends
        return ends

    def _render_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> Rendering:
        if self.template == "chat":
            return render_chat_prompt(dialogue, _thinks(task), tokenizer)
        if dialogue.input is not None:
            return _as_letters(self._write_input(task, dialogue.input), tokenizer)
        parts = [*write_conversation(dialogue.turns, dialogue.tools, self.template), Part(write_ask(self.template))]
        return _join(parts, (), tokenizer)

    def _write_input(self, task: Task, input: str) -> str:
        if goes_on(task):
            return input
        return write_prompt(task, input, self.template, self.positive_examples, self.negative_examples)

    def _render_input(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> Rendering:
        prompt, output = self._write_input(task, dialogue.input or ""), dialogue.turns[-1]["content"]
        text = prompt + (output if goes_on(task) else write_answer(output, self.template))
        return _as_letters(text, tokenizer, ((len(prompt), len(text)),))

    def _render_lines(self, dialogue: Dialogue, learnt: tuple[int, ...], tokenizer: Any) -> Rendering:
        parts = write_conversation(dialogue.turns, dialogue.tools, self.template)
        while parts[-1].answer is None:  # what follows the last answer teaches nothing
            parts.pop()
        return _join(parts, learnt, tokenizer)


def _as_letters(text: str, tokenizer: Any, learnt: tuple[Span, ...] = ()) -> Rendering:
    """A text of which a person wrote all, so that nothing in it is a control token."""
    spelled = tuple(found.span() for found in find_controls(tokenizer).finditer(text))
    return Rendering(text, learnt, spelled, needs_end=bool(learnt))


def _join(parts: list[Part], learnt: tuple[int, ...], tokenizer: Any) -> Rendering:
    """A conversation in lines as one text, the end token after each answer; the last one's is the text's own."""
    text, spans, letters, controls = "", [], [], find_controls(tokenizer)
    for number, part in enumerate(parts, start=1):
        start = len(text)
        letters += [(start + found.start(), start + found.end()) for found in controls.finditer(part.text)]
        text += part.text
        if part.answer is not None and number < len(parts):
            text += tokenizer.eos_token
        if part.answer in learnt:
            spans.append((start, len(text)))
    return Rendering(text, tuple(spans), tuple(letters), needs_end=parts[-1].answer in learnt)


def _find_ends(dialogue: Dialogue, tokenizer: Any) -> set[int]:
    """The control token that ends an answer, if one does."""
    row = encode(render_chat(dialogue, (len(dialogue.turns) - 1,), tokenizer), tokenizer)
    last = [label for label in row.labels if label != -100][-1:]
    return set(last) & set(list_controls(tokenizer).values())


def _thinks(task: Task) -> bool:
    """Whether the answers of a task begin with thoughts, which a template may write in a block of their own."""
    return any(_has_thoughts(write_dialogue(task, one)) for one in task.instances[:_ALIKE])


def _has_thoughts(dialogue: Dialogue) -> bool:
    place = dialogue.find_answer()
    turn = dialogue.turns[place] if place is not None else {}
    return any(turn.get(key) for key in REASONING) or "</think>" in str(turn.get("content"))
