"""Evidence of real checkpoints: measured once, kept by content, told with its certainty, and refused in words."""

import shutil
from pathlib import Path

import pytest
from telling import raises, tells
from tiny import import_task, make_run, train_quickly

from studio.answering.columns import Columns, Written
from studio.errors import InputError, ModelError, NotFoundError
from studio.evidence.asked import plan
from studio.evidence.kept_answers import load_answers
from studio.journal import append_lines
from studio.launchers.inline import InlineLauncher
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.service.evidence_desk import PARTS
from studio.tasks.split import split_task
from studio.works.measure import Measure
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """A run of four steps; a tenth of its 60 instances is the test."""
    workspace = Workspace(tmp_path_factory.mktemp("measured"))
    import_task(workspace, count=60)
    return train_quickly(workspace, tiny_model)


@pytest.fixture
def studio(trained: Run) -> Studio:
    return Studio(Workspace(trained.folder.parents[1]), InlineLauncher())


@pytest.fixture
def names(trained: Run, tiny_model: Path) -> list[str]:
    return [str(tiny_model), f"run:{trained.run_id}@2", f"run:{trained.run_id}@4"]


def find_task(trained: Run) -> str:
    return trained.load_recipe().task_id


def test_checkpoints_are_scored_once(studio: Studio, trained: Run, names: list[str]) -> None:
    task = find_task(trained)
    found = studio.evidence.score(names, task)
    assert [value.checkpoint for value in found.values if value.metric == "exact_match"] == names
    assert all(value.low is not None and value.low <= value.value <= (value.high or 0) for value in found.values)
    assert {value.n for value in found.values} == {6} and len(found.differences) == 2
    works = len(studio.list_runs())
    assert studio.evidence.score(names, task) == found and len(studio.list_runs()) == works, "measured already"
    assert studio.evidence.score([names[2], names[0]], task).values[-1].checkpoint == names[0]
    assert len(studio.list_runs()) == works, "alone or beside others, it is the same content"
    assert [run.kind for run in studio.list_runs()].count("measure") == 1


def test_two_are_compared_and_their_flips_told(studio: Studio, trained: Run, names: list[str]) -> None:
    task = find_task(trained)
    found = studio.evidence.compare([names[0], f"run:{trained.name}"], task)
    assert (found.n, found.metric) == (6, "exact_match") and tells(found.sentence, "6")
    flips = studio.evidence.list_flips([names[0], names[2]], task)
    wins, losses = (sum(flip.fate == fate for flip in flips) for fate in ("better", "worse"))
    assert (wins, losses) == (found.wins, found.losses) and len({flip.id for flip in flips}) == 6
    assert all(flip.prompt and flip.wanted for flip in flips)


def test_forgetting_is_after_minus_before(studio: Studio, trained: Run, names: list[str]) -> None:
    found = studio.evidence.forgetting(names[2])
    assert found.nats_per_token == pytest.approx(found.after - found.before) and found.nats_per_token != 0
    assert found.low is not None and found.high is not None and found.low <= found.nats_per_token <= found.high
    assert (found.base, found.checkpoint) == (names[0], names[2]) and found.tokens > 1000
    with raises(InputError, "base", field="checkpoint"):
        studio.evidence.forgetting(names[0])


@pytest.mark.long
def test_forgetting_is_measured_on_any_running_text(studio: Studio, trained: Run, names: list[str]) -> None:
    found = studio.evidence.forgetting(names[2], "studio008_laws")
    assert found.nats_per_token == pytest.approx(found.after - found.before) and tells(found.text, "laws")
    with raises(InputError, field="task_id"):
        studio.evidence.forgetting(names[2], find_task(trained))


def test_what_was_trained_on_is_no_test(studio: Studio, trained: Run, names: list[str]) -> None:
    """A part of the same task under another seed holds instances that the run was trained on."""
    work = studio.evidence.read(names[:1], find_task(trained), "train")
    assert plan(studio.workspace, work).left_out == 0
    tested = plan(studio.workspace, studio.evidence.read(names, find_task(trained), "test"))
    learnt = plan(studio.workspace, work.model_copy(update={"checkpoints": tuple(names[2:])}))
    assert not {one.key for one in tested.instances} & {one.key for one in learnt.instances}
    keys, task = {one.key for one in tested.instances}, tested.task
    seed = next(seed for seed in range(1, 99) if keys & {one.key for one in split_task(task, seed).test})
    other = train_quickly(studio.workspace, Path(names[0]), training={"max_steps": 1, "seed": seed})
    mixed = plan(studio.workspace, studio.evidence.read([names[2], f"run:{other.run_id}"], find_task(trained)))
    assert mixed.left_out > 0 and len(mixed.instances) + mixed.left_out == len(tested.instances)
    assert tells(" ".join(mixed.notes), str(mixed.left_out))
    other.delete()


def test_wrong_askings_are_refused_in_words(studio: Studio, trained: Run, names: list[str]) -> None:
    task = find_task(trained)
    for checkpoints in ([], names + names, "builtin", [7], ["x" * 2000]):
        with raises(InputError, field="checkpoints"):
            studio.evidence.score(checkpoints, task)
    with raises(InputError, "1", field="checkpoints"):
        studio.evidence.compare(names[:1], task)
    with raises(InputError, ("validation", "unseen", "general"), field="part"):
        studio.evidence.score(names, task, "general")
    with raises(InputError, "unseen", field="part"):
        studio.evidence.score(names, task, "unseen")
    with raises(NotFoundError, "99 2 4", field="checkpoints"):
        studio.evidence.score([f"run:{trained.run_id}@99"], task)
    with raises(NotFoundError):
        studio.evidence.score(names, "task404_nothing")
    assert "general" not in PARTS


def test_a_deleted_checkpoint_is_told(studio: Studio, trained: Run, names: list[str]) -> None:
    gone = train_quickly(studio.workspace, Path(names[0]))
    work = studio.evidence.read([names[0], f"run:{gone.run_id}"], find_task(trained), "validation")
    gone.delete()
    run_id = studio.evidence.start(work)
    studio.scheduler.start_next()
    status = studio.run_status(run_id)
    assert status.status == "failed" and status.error and tells(status.error, Run.name_of(gone.run_id))
    studio.delete_run(run_id)


def test_it_goes_on_where_it_was_stopped(studio: Studio, trained: Run, names: list[str]) -> None:
    """Answers that are in its folder are not asked for again, and come to the same."""
    work = studio.evidence.read(names[1:], find_task(trained), "validation")
    asked = plan(studio.workspace, work)
    first = find_run(studio.workspace, studio.evidence.start(work))
    studio.scheduler.start_next()
    whole, lines = studio.evidence.find(work), first.answers_file.read_text().splitlines(keepends=True)
    for content in asked.contents:
        (studio.workspace.cache / "answers" / f"{content}.json").unlink()
    again = find_run(studio.workspace, studio.evidence.start(work))
    again.answers_file.write_text("".join(lines[: len(lines) // 2 + 1]) + lines[-1][:9])
    studio.scheduler.start_next()
    assert studio.evidence.find(work) == whole
    assert len(again.answers_file.read_text().splitlines()) == len(lines) + 1, "the rest, and the half line"


def test_damaged_answers_are_measured_again(studio: Studio, trained: Run, names: list[str]) -> None:
    asked = plan(studio.workspace, studio.evidence.read(names[:1], find_task(trained)))
    file = studio.workspace.cache / "answers" / f"{asked.contents[0]}.json"
    file.parent.mkdir(exist_ok=True)
    for text in ("", "[", "[1]", "{}", '[{"id": 1}]'):
        file.write_text(text)
        assert load_answers(studio.workspace, asked.contents[0], len(asked.instances)) is None
    assert studio.evidence.score(names[:1], find_task(trained)).values


def test_a_visitor_measures_only_what_they_may_see(workspace: Workspace, tiny_model: Path) -> None:
    shared = Studio(workspace, InlineLauncher(), local_folders=False, shared=True)
    anna = shared.seen_by("a" * 40)
    run = make_run(workspace)
    with raises(NotFoundError, field="checkpoints"):
        anna.evidence.score([f"run:{run.run_id}@1"], "studio002_question")
    with pytest.raises(Exception, match="folder|hub"):
        anna.evidence.score([str(tiny_model)], "studio002_question")


def test_it_says_what_it_is_of() -> None:
    work = Measure(
        checkpoints=("builtin", "run:20261129-222541-sharp-jay@1200"), task_id="t", part="unseen", instances=9
    )
    assert work.about == "20261129-222541-sharp-jay"
    assert tells(" ".join(work.describe(lambda task, version: "Sums")), ("builtin", "sharp-jay", "1,200", "9", "Sums"))


def test_the_board_is_drawn_once_it_is_measured(studio: Studio, trained: Run) -> None:
    from studio.ui.steps.compare.evidence_board import draw_board, look, measure
    from studio.ui.steps.compare.score_choice import Choice

    asked = {"run": trained.run_id, "part": "test"}
    if not studio.evidence.find(studio.evidence.read([f"run:{trained.run_id}@4"], find_task(trained))):
        assert 'data-act="measure"' in look(studio, asked)["html"]
    measure(studio, asked)
    studio.scheduler.start_next()
    html = look(studio, asked)["html"]
    assert not look(studio, asked)["busy"] and "<table" in html and tells(html, "Exact match")
    assert (
        sum(html.count(f"{fate.capitalize()}: ") for fate in ("better", "worse", "stayed wrong", "stayed right")) == 4
    )
    assert "<summary>Worse: 0" not in html and tells(html, "Super-NI punctuation"), "nothing opens to nothing"
    unseen = draw_board(studio, Choice(trained.run_id, "unseen"))
    assert tells(unseen, "unseen") and "alert" in unseen


def test_a_look_at_compare_reads_the_list_of_runs_once(
    studio: Studio, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.ui.steps.compare.page import make_board

    asked, list_all = list[int](), studio.scheduler.look_at_all
    monkeypatch.setattr(studio.scheduler, "look_at_all", lambda: asked.append(1) or list_all())
    board, tries = make_board(studio)({"run": trained.run_id})
    assert "elsewhere" not in board and "score-models" in board and tries is not None
    assert len(asked) <= 2, "once for the list, once for what is being measured"


def test_any_checkpoints_on_any_task_are_chosen_on_the_board(
    studio: Studio, trained: Run, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.ui.steps.compare.evidence_board import look, measure

    asked = {"run": trained.run_id, "part": "test", "models": names[:2]}
    html = look(studio, asked)["html"]
    assert [html.count(f'data-model="{name}"') for name in names] == [1, 1, 0] and "best<" not in html
    with monkeypatch.context() as chosen:
        chosen.setattr("studio.service.evidence_desk.find_best_step", lambda run: 2)
        assert "step 2, best<" in look(studio, asked)["html"], "what validation chose is offered so"
    assert f'<option value="{names[2]}">' in html and f'value="{names[1]}"' not in html
    assert look(studio, {**asked, "models": [*names, f"run:{trained.run_id}@2"]})["html"].count("data-add") == 0
    other = look(studio, {**asked, "task_id": "studio006_opposite"})["html"]
    assert '<option value="studio006_opposite" selected>' in other and "100 examples" in other
    measure(studio, {**asked, "models": names})
    studio.scheduler.start_next()
    whole = look(studio, {**asked, "models": names, "against": names[2]})["html"]
    assert "elsewhere" not in whole, "on its own task alone"
    assert tells(whole, "step 4") and f'data-against="{names[2]}" aria-checked="true"' in whole
    assert "flipped" not in look(studio, {**asked, "models": names[:1]})["html"]
    with raises(InputError, field="models"):
        look(studio, {**asked, "models": [1]})


def test_what_tuning_changed_on_other_tasks_is_told(studio: Studio, trained: Run, names: list[str]) -> None:
    from studio.ui.steps.compare.evidence_board import look

    found = studio.evidence.compare([names[0], names[2]], "studio005_plural", "validation")
    (told,) = studio.evidence.list_elsewhere(trained.run_id)
    assert (told.difference, told.part) == (found, "validation") and tells(told.title, "many")
    assert tells(look(studio, {"run": trained.run_id, "part": "test"})["html"], (told.title, found.sentence))


def test_two_other_tasks_are_measured_at_once(studio: Studio, trained: Run, names: list[str]) -> None:
    from studio.ui.steps.compare.evidence_board import look, measure_others, stop

    others = [import_task(studio.workspace, f"task90{place}_sums", count=20 + place) for place in (1, 2)]
    asked = {"run": trained.run_id, "part": "unseen", "others": others}
    assert look(studio, asked)["html"].count("data-other=") == 2
    waiting = measure_others(studio, asked)
    assert waiting["busy"] and "stop-measuring" in waiting["html"]
    queued = [run.run_id for run in studio.list_runs() if run.status == "queued"]
    assert len(queued) == 2 and not stop(studio, asked)["busy"], "each is a work of its own"
    measure_others(studio, asked)
    while studio.scheduler.start_next():
        continue
    found = {told.title: told for told in studio.evidence.list_elsewhere(trained.run_id)}
    html = look(studio, asked)["html"]
    for other in others:
        told = found[studio.load_task(other).heading]
        assert told.part == "test" and tells(html, told.difference.sentence)
    assert "measure-others" not in html
    for wrong in ([], others * 2 + ["x"], [find_task(trained)], "sums", [7]):
        with raises(InputError, field="task_ids"):
            studio.evidence.read_elsewhere(trained.run_id, wrong)


def test_a_measurement_that_ended_early_goes_on_when_it_is_asked_for_again(
    studio: Studio, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = studio.evidence.read(names[:1], "studio006_opposite", "validation")
    first = find_run(studio.workspace, studio.evidence.start(work))
    asked = plan(studio.workspace, work)
    kept = {"id": asked.instances[0].id, "answer": "kept", "nats": 1.0, "bytes": 1, "tokens": 1}
    append_lines(first.answers_file, [{"content": asked.contents[0], **kept}])
    with monkeypatch.context() as broken:
        broken.setattr(Columns, "write_many", lambda *_: 1 / 0)
        studio.scheduler.start_next()
    assert studio.run_status(first.run_id).status == "failed" and not studio.evidence.find(work)
    assert studio.evidence.start(work) == first.run_id, "no second one that begins at nothing"
    studio.scheduler.start_next()
    found = studio.evidence.find(work)
    assert found and found[1][0][0]["answer"] == "kept"


def test_a_model_that_never_stops_is_cut_counted_and_told(
    studio: Studio, trained: Run, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Columns, "list_ends", lambda *_: frozenset({10**6}))
    found = studio.evidence.score(names[:1], find_task(trained), "validation")
    assert {value.cut for value in found.values} == {found.values[0].n} != {0}
    work = studio.evidence.read(names[:1], find_task(trained), "validation")
    rows = (studio.evidence.find(work) or pytest.fail())[1][0]
    (limit,) = {row["cut"] for row in rows}
    assert tells(" ".join(found.notes), (str(limit), f"{len(rows)} of {len(rows)}"))


def test_a_model_that_answers_nothing_is_told(
    studio: Studio, trained: Run, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Columns, "write_many", lambda self, place, prompts, *_: [Written()] * len(prompts))
    found = studio.evidence.score(names[:2], find_task(trained), "train")
    told = [note for note in found.notes if "empty" in note]
    assert len(told) == 2 and all(tells(note, f"{found.values[0].n} of {found.values[0].n} template") for note in told)
    assert tells(told[1], "step 2") and {value.value for value in found.values if value.metric == "exact_match"} == {0}


def test_references_that_the_official_scorer_can_not_read_are_told(
    studio: Studio, trained: Run, names: list[str]
) -> None:
    said = ("good morning", "صباح الخير", "早上好")
    instances = [{"id": f"{at}", "input": f"greet {at}", "output": [said[at % 3]]} for at in range(30)]
    task = import_task(studio.workspace, "greetings", Instances=instances)
    asked = plan(studio.workspace, studio.evidence.read(names[:1], task, "train")).instances
    others = sum(one.output[0] != said[0] for one in asked)
    told = studio.evidence.score(names[:1], task, "train").notes
    assert others and tells(" ".join(told), f"{others} of {len(asked)} Super-NI")
    assert "Super-NI" not in " ".join(studio.evidence.score(names[:1], find_task(trained)).notes)


def test_a_base_that_is_gone_is_told_and_what_was_measured_comes_back_with_it(
    studio: Studio, trained: Run, tiny_model: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(tiny_model, tmp_path / "gone-llama"))
    run = train_quickly(studio.workspace, base, training={"max_steps": 1})
    asked = ([f"run:{run.run_id}"], find_task(trained))
    found = studio.evidence.score(*asked)
    works = len(studio.list_runs())
    base.rename(tmp_path / "moved")
    with raises(ModelError, f"{run.name} gone-llama back import", field="checkpoints"):
        studio.evidence.score(*asked)
    (tmp_path / "moved").rename(base)
    assert studio.evidence.score(*asked) == found and len(studio.list_runs()) == works, "nothing is measured twice"
    studio.delete_run(run.run_id)
