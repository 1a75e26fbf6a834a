"""Measuring as work: the child's side. Answers are written down as they come, so a kill costs one batch of them.

Each checkpoint answers greedily, and reads how likely what is wanted was. Those whose answers are kept aren't loaded.
Imports torch inside its functions.
"""

from collections.abc import Iterator, Sequence

from studio.answering.columns import Columns, Written
from studio.evidence.asked import Asked, plan
from studio.evidence.kept_answers import Row, keep_answers, load_answers
from studio.evidence.metrics.metric import has_answers
from studio.evidence.nats import read_nats
from studio.evidence.room import find_room
from studio.journal import append_lines, read_lines
from studio.models.device import find_device
from studio.objectives.objective import encode_asked
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.tasks.task import Instance
from studio.works.measure import Measure
from studio.works.work import Outcome
from studio.workspace import Workspace

BATCH = 32


def measure(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    """Let every checkpoint answer what isn't answered yet, and keep the answers by their content."""
    work = Measure.load(run)
    asked = plan(workspace, work)
    count, total = len(asked.instances), len(asked.instances) * len(asked.columns)
    missing = [place for place, each in enumerate(asked.contents) if load_answers(workspace, each, count) is None]
    written = read_lines(run.answers_file)
    events.append_phase(2, work.phases)
    columns = Columns(find_device())
    columns.arrange([asked.columns[place] for place in missing])
    events.append_phase(3, work.phases)
    done = (len(asked.columns) - len(missing)) * count
    for place, original in enumerate(missing):
        rows = _find_written(written, asked.contents[original])[:count]
        done += len(rows)
        while rest := asked.instances[len(rows) : len(rows) + BATCH]:
            if run.stop_file.exists():
                return Outcome(done, finished=False)
            new = list(answer(columns, place, asked, rest))
            append_lines(run.answers_file, [{"content": asked.contents[original], **row} for row in new])
            rows += new
            done += len(new)
            events.append("progressed", step=done, of=total)
        keep_answers(workspace, asked.contents[original], rows)
    if not missing:
        events.append("progressed", step=total, of=total)
    events.append("concluded", result=f"{total:,} answers are measured.")
    return Outcome(total, finished=True)


def _find_written(written: list[Row], content: str) -> list[Row]:
    """What an earlier attempt wrote for a checkpoint, without the name of what it is of."""
    return [{key: row[key] for key in row if key != "content"} for row in written if row.get("content") == content]


def answer(columns: Columns, place: int, asked: Asked, instances: Sequence[Instance]) -> Iterator[Row]:
    """Yield what one column says to each instance, and how likely what is wanted was."""
    objective, tokenizer = columns.columns[place].objective, columns.find_tokenizer(place)
    room = find_room(asked.instances, tokenizer, columns.find_context(place))
    answers, too_long = [Written()] * len(instances), [False] * len(instances)
    if has_answers(asked.task):
        prompts = [encode_asked(objective, asked.task, one, tokenizer) for one in instances]
        too_long = [len(prompt) + room > columns.find_context(place) for prompt in prompts]
        answers = columns.write_many(place, prompts, room, BATCH)
    with columns.enter(place) as model:
        for one, said, is_long in zip(instances, answers, too_long, strict=True):
            read = read_nats(model, tokenizer, objective, asked.task, one, columns.find_context(place))
            told = {"too_long": is_long, "cut": room if said.is_cut else 0}
            yield {"id": one.id, "answer": said.text, **read._asdict(), **told}
