"""Which way? From what a person has to what would help: a prompt, retrieval, labels, or a training with its objective.

Knows rules, each with its reason, and nothing of a page. Not to tune is an answer too.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from studio.declaration import Declared, explain, name_kind
from studio.errors import InputError
from studio.models.reference import ENCODER
from studio.objectives import OBJECTIVES

METHOD = "lora"
"""What is proposed to tune with."""
ENOUGH_RIGHT = 90.0
"""Where a prompt with examples is right so often (percent), there is little left to gain."""
FEW, ENOUGH = 50, 300
"""Fewer labelled rows than the first teach a language model nothing; from the second on it learns most tasks here."""


class Answers(Declared):
    """What a person says of their data and of what was tried."""

    labelled: bool = Field(False, title="Inputs with their right answers")
    few_labels: bool = Field(False, title=f"Only a few of them, less than {FEW} or so")
    preferences: bool = Field(False, title="Pairs of a better and a worse answer")
    ratings: bool = Field(False, title="Answers with thumbs up or down")
    own_answers: bool = Field(False, title="Such pairs, and what it then writes by itself is to be judged, too")
    rule: bool = Field(False, title="A rule that says how good any answer is")
    raw_text: bool = Field(False, title="Running text, nothing labelled")
    facts: bool = Field(False, title="It must answer with facts that can be looked up, or that change")
    prompt_works: bool = Field(False, title="A prompt with some examples already does it")
    task_id: str = Field("", max_length=100, title="The task that it is about")


class Way(BaseModel, frozen=True):
    """What to do, and why; where to `tune` is the answer, `recipe` are the parts of a recipe that it proposes."""

    answer: Literal["tune", "prompt", "retrieve", "label"]
    title: str
    reason: str
    objective: str | None = None
    method: str | None = None
    precision: str | None = None
    recipe: dict[str, Any] = {}


class Rule(NamedTuple):
    """An objective, whose data it is for, and why; `model` where it starts from another than the one chosen."""

    objective: str
    holds: Callable[[Answers], bool]
    reason: str
    model: str | None = None


RULES = (
    Rule(
        "reward",
        lambda answers: answers.own_answers,
        "RLHF in three runs: one that answers in the right form, a reward model that learns from the pairs what is "
        "better (this one), and PPO, which lets the first write and makes likelier what the reward model likes. It "
        "reaches beyond the answers in the pairs, and costs more than DPO: try that first.",
    ),
    Rule(
        "dpo",
        lambda answers: answers.preferences,
        "Pairs say which of two answers is better, which no single right answer can. Start from a run that "
        "already answers in the right form; without one, choose ORPO.",
    ),
    Rule(
        "grpo",
        lambda answers: answers.rule and not answers.labelled,
        "Where a rule judges any answer, no right ones are needed: several are written to each prompt, and those "
        "that are worth more become likelier. Start from a run that is right now and then: where all answers are "
        "worth the same, nothing is learnt.",
    ),
    Rule(
        "kto",
        lambda answers: answers.ratings,
        "Thumbs up and down need no pairs; have about as many of each, of many prompts.",
    ),
    Rule(
        "setfit",
        lambda answers: answers.labelled and answers.few_labels,
        "Where the answers are classes, eight examples of each are a good beginning: an encoder compares them in "
        f"pairs. With fewer than {FEW} a language model hardly learns to write answers: put some of them into the "
        f"prompt, and label {ENOUGH} at the Label page.",
        model=ENCODER,
    ),
    Rule(
        "sft",
        lambda answers: answers.labelled,
        "Right answers are the best lesson there is: the model learns to give them, in their form.",
    ),
    Rule(
        "pretrain",
        lambda answers: answers.raw_text,
        "Running text teaches what it says, and no behaviour: mix in a quarter of other text, so that less is "
        "forgotten, and tune on instructions afterwards.",
    ),
)
"""What is tuned for: the first that holds."""


def read_answers(data: object) -> Answers:
    """Return the answers of JSON. Raises InputError in words."""
    if not isinstance(data, dict):
        raise InputError(
            f'answers must be an object such as {{"labelled": true}}, not {name_kind(data)}.', field="answers"
        )
    try:
        return Answers.model_validate(data)
    except ValidationError as error:
        told = explain(error, Answers)
        raise InputError(str(told), field=told.field) from None


def choose_way(answers: Answers, precision: str = "fp32", prompted: float | None = None) -> Way:
    """Return what to do. `precision` is the usual one of the device; `prompted` how often (percent) a prompt with
    examples was right on the task, where that was measured."""
    if answers.prompt_works or (prompted or 0) >= ENOUGH_RIGHT:
        return Way(answer="prompt", title="Don't tune: prompt", reason=_say_prompt(prompted))
    if answers.facts and not answers.labelled:
        return Way(
            answer="retrieve",
            title="Use retrieval",
            reason="Facts that change, or that must be right, are best looked up and put into the prompt: what is "
            "tuned into weights can't be corrected by editing a page, and is sometimes told wrongly.",
        )
    for rule in RULES:
        if rule.holds(answers):
            return _tune(rule, precision)
    return Way(
        answer="label",
        title="Write or label examples first",
        reason=f"Nothing can be learnt without data. {ENOUGH} inputs with their right answers are a good start; what a "
        "prompt does with some of them tells whether more is needed.",
    )


def _tune(rule: Rule, precision: str) -> Way:
    recipe: dict[str, Any] = {
        "objective": {"name": rule.objective},
        "method": {"name": METHOD},
        "precision": precision,
        **({"model": rule.model} if rule.model else {}),
    }
    return Way(
        answer="tune",
        title=OBJECTIVES.find(rule.objective).title,
        reason=rule.reason,
        objective=rule.objective,
        method=METHOD,
        precision=precision,
        recipe=recipe,
    )


def _say_prompt(prompted: float | None) -> str:
    measured = f" On this task the base with examples in its prompt is right in {prompted:.0f} %." if prompted else ""
    return (
        f"Where a prompt does it, nothing has to be trained, stored or kept up to date.{measured} Tune when prompts "
        "become long and costly, or when the last errors matter."
    )
