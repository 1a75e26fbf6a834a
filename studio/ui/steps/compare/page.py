"""The Compare step: one prompt, two answers at once, from the base and from what the training made of it.

Places three widgets: the form a question is put in, the pair of answers that grows while both write, and the table
of ten questions at once. The handlers take the question as a plain value and yield plain values; the device answers
one at a time.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, NamedTuple, cast

from studio.answering.desk import Answers
from studio.evidence.metrics.matching import match_exactly
from studio.service import Studio
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import LATEST, in_words, say
from studio.ui.frame.step import Signal, Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape, foreign, term
from studio.ui.steps.compare.ask_form import AnswerPair, AskForm
from studio.ui.steps.compare.evidence_board import EvidenceBoard, show_board
from studio.ui.steps.compare.judge_form import JudgeForm
from studio.ui.steps.compare.next_tries import draw_tries
from studio.ui.steps.compare.question import find_wanted, read_asked, split_instance
from studio.ui.steps.compare.take_away import TakeAway
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

TEN = 10
SIDES = ("base", "tuned")
"""What the first two columns are called; others have the title of their model."""
Handler = Callable[..., Iterator[Any]]
ON_THE_DEVICE: dict[str, Any] = {
    "concurrency_id": "device",
    "concurrency_limit": 1,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "multiple",  # "once" drops a question that follows one which was stopped as it set out
}
"""How gradio treats what is asked of the device: it answers one at a time."""

_HEAD = """
<h1 class="question" tabindex="-1">What did it learn?</h1>
<p class="lead">Ask both at once. Try prompts of the {test_set}: the model has never seen them.</p>"""


class CompareStep(Step):
    """What it learnt."""

    name = "compare"
    title = "Compare"
    position = 50
    signals = (Signal("compare_shown", ("run",), step="compare"),)

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_compare(studio, draft)


def draw_compare(studio: Studio, draft: DraftBox) -> None:
    """Draw the step into the current column and wire it."""
    ask_both, ask_ten = make_handlers(studio)
    Panel(_HEAD.format(test_set=term("test set")), elem_classes="studio")
    form = AskForm(studio, elem_id="ask", elem_classes="studio")
    JudgeForm(studio, elem_id="judge", elem_classes="studio")
    pair = AnswerPair(studio, elem_id="answers", elem_classes="studio")
    table = Panel(elem_id="ten", elem_classes="studio")
    tries = Panel(elem_id="tries", elem_classes="studio")
    board = EvidenceBoard(studio, elem_id="evidence", elem_classes="studio")
    TakeAway(studio, elem_id="away", elem_classes="studio")
    asking = form.asked(ask_both, [form], [pair], **ON_THE_DEVICE)
    asking_ten = form.ten_asked(ask_ten, [form], [table], **ON_THE_DEVICE)
    draft.compare_shown(make_board(studio), [draft], [board, tries], **LATEST)
    form.halted(None, None, None, cancels=[asking, asking_ten], queue=False, api_visibility="private")


def make_handlers(studio: Studio) -> tuple[Handler, Handler]:
    """Return the handlers of the step, bound to `studio`: ask both, ask ten at once."""

    def ask_both(value: Any, request: Asking = None) -> Iterator[dict[str, Any]]:
        yield from answer_both(seen_by(studio, request), value)

    def ask_ten(value: Any, request: Asking = None) -> Iterator[str]:
        yield from answer_ten(seen_by(studio, request), value)

    return ask_both, ask_ten


def make_board(studio: Studio) -> Callable[..., tuple[str, str]]:
    """Return the handler that draws the evidence for the draft's run, and what to try next."""

    def draw(value: Any, request: Asking = None) -> tuple[str, str]:
        visit, draft = seen_by(studio, request).at_one_moment(), read_draft(value)
        tries = draw_tries(visit, visit.run_status(draft["run"])) if draft["run"] else ""
        return show_board(visit, draft), tries

    return in_words(draw)


def answer_both(studio: Studio, value: Any) -> Iterator[dict[str, Any]]:
    """Yield both answers as they grow, with what was wanted where that is known; an error ends it in words."""
    at = value.get("at") if isinstance(value, dict) else None
    try:
        question = read_asked(value)
        wanted = find_wanted(studio, question)
        stream = cast(
            Generator[Answers, None, None],
            studio.stream(question.run, question.prompt, question.models, **question.options),
        )
        try:
            for answers in stream:
                yield {
                    "at": at,
                    "run": question.run,
                    "asked": question.prompt,
                    "wanted": wanted,
                    "right": match_exactly(answers.tuned, wanted),
                    "base_right": match_exactly(answers.base, wanted),
                    "others": [match_exactly(said.answer, wanted) for said in answers.columns[2:]],
                    **answers.model_dump(mode="json"),
                }
        finally:
            stream.close()  # a question that was stopped frees the device at once
    except Exception as error:  # the last line of defence: no traceback reaches a visitor
        yield {"at": at, "error": say(error)}


def answer_ten(studio: Studio, value: Any, sides: Sequence[str] = SIDES) -> Iterator[str]:
    """Yield a growing table of up to ten prompts of the test set, answered by every column, with the scores.

    `sides` are the names of the first two columns.
    """
    try:
        question = read_asked(
            {**value, "prompt": "-", "messages": [], "tools": []} if isinstance(value, dict) else value
        )
        instances = question.list_instances(studio)[:TEN]
        titles = sides
        rows: list[Row] = []
        yield draw_ten(question.run, rows, len(instances))
        for instance in instances:
            answers = studio.ask(question.run, models=question.models, **question.options | split_instance(instance))
            others = answers.columns[len(SIDES) :]
            titles = (*sides, *(said.title for said in others))
            said = (answers.base, answers.tuned, *(said.answer for said in others))
            rows.append(Row(instance.input, list(instance.output), said))
            yield draw_ten(question.run, rows, len(instances), titles)
    except Exception as error:  # the same
        yield f'<p class="error-line" role="alert">{foreign(say(error))}</p>'


class Row(NamedTuple):
    """One prompt of the table of ten, and what each column answered."""

    prompt: str
    wanted: list[str]
    answers: tuple[str, ...]

    @property
    def right(self) -> list[bool]:
        """Whether each answer is correct."""
        return [match_exactly(answer, self.wanted) for answer in self.answers]


def draw_ten(run: str, rows: list[Row], count: int, titles: Sequence[str] = SIDES) -> str:
    """Return the table of ten as HTML: progress first, then the score of each column and its honest size."""
    done = len(rows) == count
    scored = [sum(row.right[place] for row in rows) for place in range(len(titles))]
    if done:
        told = ", ".join(f"{foreign(title)}: {got} of {count}" for title, got in zip(titles, scored, strict=True))
        said = f"Exactly right: {told}. A small sample: n = {count}."
        scores = "".join(_score(got, count, title) for title, got in zip(titles, scored, strict=True))
        score = f'<div class="ten-scores">{scores}</div>'
    else:
        said, score = f"Asking {len(rows) + 1} of {count} …", ""
    return f"""
<section class="card ten-box" data-run="{escape(run)}" data-state="{"done" if done else "asking"}"
         data-asked="{len(rows)}" data-base="{scored[0]}" data-tuned="{scored[1]}" data-right="{_join(scored)}">
  <h2>Ten at once</h2>{score}<p role="status">{said}</p>{_table(rows, titles) if rows else ""}
</section>"""


def _join(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))


def _score(right: int, count: int, title: str) -> str:
    side = title if title in SIDES else "other"
    return (
        f'<div class="{side}"><b class="num hero">{right}/{count}</b><span class="hint">{foreign(title)}</span></div>'
    )


def _table(rows: list[Row], titles: Sequence[str]) -> str:
    names = [title.capitalize() if title in SIDES else title for title in titles]
    head = "".join(f"<th>{foreign(name)}</th>" for name in ("Prompt", "Expected", *names))
    body = "".join(f"<tr>{_write_row(row, names)}</tr>" for row in rows)
    return f"""<div class="tablebox"><table class="plain ten"><thead><tr>{head}</tr></thead>
<tbody>{body}</tbody></table></div>"""


def _write_row(row: Row, names: list[str]) -> str:
    cells = zip(names, row.answers, row.right, strict=True)
    return _cell("Prompt", row.prompt) + _cell("Expected", row.wanted[0]) + "".join(_cell(*cell) for cell in cells)


def _cell(name: str, text: str, right: bool = False) -> str:
    mark = ' <span class="tick">✓</span>' if right else ""
    return f'<td data-label="{escape(name)}"><span>{foreign(text or "(nothing)", 300)}{mark}</span></td>'
