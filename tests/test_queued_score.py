"""A score in the queue, as a person meets it: waited for, followed, kept with its run, seen by its owner alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import WritingLauncher, import_task, make_checkpoint, make_run, train_quickly, write_recipe

import studio.__main__ as command_line
from studio.errors import DeviceError, InputError, ModelError, NotFoundError
from studio.estimates.pace import Pace, load_pace, save_pace
from studio.evidence.content import hash_content
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.service.score_desk import AT_THE_DESK
from studio.works import load_work
from studio.works.score import Score
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """A run whose test set is larger than what is scored at the desk."""
    workspace = Workspace(tmp_path_factory.mktemp("scores"))
    import_task(workspace, count=10 * (AT_THE_DESK + 2))
    return train_quickly(workspace, tiny_model)


@pytest.fixture
def studio(trained: Run) -> Studio:
    return Studio(Workspace(trained.folder.parents[1]), InlineLauncher())


def test_many_instances_are_scored_as_work_and_kept(studio: Studio, trained: Run) -> None:
    before = len(studio.scores.list_kept(trained.run_id))
    found = studio.score(trained.run_id)
    kept = studio.scores.list_kept(trained.run_id)[before:]
    assert [one.comparison for one in kept] == [found] and found.tuned.instances == AT_THE_DESK + 2
    status = studio.run_status(kept[0].work)
    assert (status.kind, status.status, status.about) == ("score", "finished", trained.run_id)
    assert status.result and trained.name in status.sentence and kept[0].step == 4
    queued = studio.scores.start(trained.run_id, step=2)
    assert 0 < (studio.work.expect_seconds(queued) or 0) < 3600, "it was measured just now"
    with raises(InputError, Run.name_of(queued)):
        studio.ask(queued, "1 + 1")
    studio.stop_run(queued)
    with pytest.raises(DeviceError) as stopped:
        studio.scores.wait_for(queued)
    assert stopped.value.field == "run_id" and len(studio.scores.list_kept(trained.run_id)) == before + 1


def test_it_is_the_score_of_the_desk(studio: Studio, trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.service.score_desk.AT_THE_DESK", AT_THE_DESK + 2)
    runs = len(studio.list_runs())
    at_the_desk = studio.score(trained.run_id, step=2)
    assert len(studio.list_runs()) == runs and studio.scores.list_kept(trained.run_id)[-1].work == ""
    monkeypatch.undo()
    trained.scores_file.unlink()
    assert studio.score(trained.run_id, step=2) == at_the_desk and len(studio.list_runs()) == runs + 1


def test_equal_scores_are_measured_once(studio: Studio, trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = studio.score(trained.run_id, step=2)
    kept, runs = studio.scores.list_kept(trained.run_id), len(studio.list_runs())
    assert studio.score(trained.run_id, step=2) == first
    work = studio.scores.start(trained.run_id, step=2)
    assert studio.scores.wait_for(work).comparison == first
    assert (studio.scores.list_kept(trained.run_id), len(studio.list_runs())) == (kept, runs)
    assert (kept[-1].model, len(kept[-1].content)) == (f"run:{trained.run_id}@2", 16)
    studio.delete_run(work)
    monkeypatch.setattr("studio.answering.columns.Columns.answer_many", lambda *_: 1 / 0)
    again = studio.scores.start(trained.run_id, step=2)
    assert again != work and studio.scores.start(trained.run_id, step=2) == again, "it waits already"
    assert studio.scores.wait_for(again).comparison == first, "found, not measured"


def test_what_a_score_is_of_is_its_content(studio: Studio, trained: Run) -> None:
    instances = studio.test_set(trained.run_id)
    found = [
        hash_content(studio.workspace, trained, step, part, some)
        for step, part, some in ((4, "test", instances), (4, "test", instances), (2, "test", instances))
    ]
    found += [hash_content(studio.workspace, trained, 4, "unseen", instances)]
    found += [hash_content(studio.workspace, trained, 4, "test", instances[1:])]
    assert found[0] == found[1] and len(set(found)) == 4
    copy = Run(trained.folder.with_name(f"{trained.run_id}-copy"))
    shutil.copytree(trained.folder, copy.folder)
    try:
        assert hash_content(studio.workspace, copy, 4, "test", instances) == found[0]
        with (copy.find_checkpoint(4) / "adapter_model.safetensors").open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\x7f")
        assert hash_content(studio.workspace, copy, 4, "test", instances) != found[0]
    finally:
        shutil.rmtree(copy.folder)


def test_a_score_is_of_a_models_address() -> None:
    assert Score.model_validate({"run": "20261120-x-y", "step": 3, "part": "unseen"}) == Score(
        model="run:20261120-x-y@3", part="unseen"
    )
    for wrong in ("builtin", "run:x", "merge:x", "run:x@y"):
        with pytest.raises(ValueError):
            Score(model=wrong)


def test_a_run_that_others_wait_to_start_from_stays(workspace: Workspace, tiny_model: Path) -> None:
    import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    parent = train_quickly(workspace, tiny_model)
    child = studio.start_run({**write_recipe(tiny_model), "model": f"run:{parent.run_id}@4"})
    assert load_work(find_run(workspace, child)).about == parent.run_id
    assert studio.run_status(child).about == "", "it stands for itself in the list"
    with raises(InputError, Run.name_of(child), field="run_id"):
        studio.scheduler.delete(parent)
    with raises(ModelError, Run.name_of(child), field="run_id"):
        studio.delete_run(parent.run_id)
    studio.stop_run(child)
    told = studio.keeping.tell_deletion(parent.run_id)
    assert told.runs == (child,) and tells(told.sentence, (parent.name, "2 checkpoints", Run.name_of(child)))
    studio.keeping.delete(parent.run_id)
    assert not studio.list_runs()


def test_the_command_line_follows_it(
    studio: Studio, trained: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "Studio", lambda workspace: Studio(workspace, InlineLauncher()))
    assert command_line.main(["--workspace", str(studio.workspace.folder), "score", trained.run_id]) == 0
    told = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert told["tuned"]["instances"] == AT_THE_DESK + 2


def test_a_broken_score_is_told_to_who_waits(studio: Studio, trained: Run) -> None:
    work = Score(model=f"run:{trained.run_id}@3", instances=34).queue(studio.workspace)
    with raises(DeviceError, "checkpoint 3 2 4"):
        studio.scores.wait_for(work.run_id)
    with raises(NotFoundError, "9"):
        studio.scores.start(trained.run_id, step=9)
    with raises(InputError, "unseen"):
        studio.scores.start(trained.run_id, "unseen")


def test_it_waits_behind_a_training_and_belongs_to_who_asked(workspace: Workspace, tiny_model: Path) -> None:
    launcher = WritingLauncher()
    shared = Studio(workspace, launcher, shared=True)
    anna, ben = shared.seen_by("a" * 40), shared.seen_by("b" * 40)
    try:
        run_id = anna.start_run(write_recipe(tiny_model, "studio002_question"))
        make_checkpoint(find_run(workspace, run_id), 5)
        shared.scheduler.start_next()
        click: dict[str, Any] = {"request": "click 12345"}
        score = anna.scores.start(run_id, **click)
        assert anna.scores.start(run_id, **click) == score
        assert (anna.run_status(score).position, anna.run_status(score).wait_seconds) == (1, 9.0)
        assert {one.run_id: one.kind for one in anna.list_runs()} == {run_id: "training", score: "score"}
        assert ben.list_runs() == [] and ben.count_waiting() == 1
        with pytest.raises(NotFoundError):
            ben.stop_run(score)
        later = ben.start_run(write_recipe(tiny_model, "studio002_question"))
        assert (ben.run_status(later).position, anna.run_status(score).position) == (1, 2), "Anna's training runs"
    finally:
        launcher.close()


def test_a_pace_is_of_one_device_and_one_model(tmp_path: Path) -> None:
    device, model = find_device(), ModelRef(ref="builtin")
    assert load_pace(tmp_path, device, model) is None
    save_pace(tmp_path, device, model, Pace(2.0, 0.5))
    save_pace(tmp_path, device, ModelRef(ref="owner/name", revision="x"), Pace(3.0, 0.5))
    assert load_pace(tmp_path, device, model) == Pace(2.0, 0.5)
    assert load_pace(tmp_path, device, ModelRef(ref="owner/name")) is None
    assert load_pace(tmp_path, device.model_copy(update={"name": "another"}), model) is None
    (tmp_path / "pace.json").write_text('{"device": []')
    assert load_pace(tmp_path, device, model) is None


def test_damaged_kept_scores_are_passed_over(workspace: Workspace) -> None:
    run = make_run(workspace)
    run.scores_file.write_text('{"at": 1}\n{"at\n')
    assert Studio(workspace, InlineLauncher()).scores.list_kept(run.run_id) == []
