"""Every model has an address: what it stands for, what it may be built on, and what is said where it names nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import TASK_ID, import_task, losses, make_checkpoint, make_run, read_all, resume, train_quickly, write_recipe

from studio.checkpoints.address import list_built_on, resolve
from studio.checkpoints.weights import load_stack
from studio.errors import InputError, ModelError, NotFoundError, StudioError
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.reference import Made, ModelRef
from studio.runs.run import Run
from studio.service import Studio
from studio.ui.frame.words import escape
from studio.ui.steps.model.page import draw_cards, draw_facts
from studio.visitor import Visitor
from studio.workspace import Workspace

LATER = {"max_steps": 2, "save_every": 1, "evaluate_every": 0, "learning_rate": 0.05}


def at(ref: str) -> ModelRef:
    """The name of a model."""
    return ModelRef(ref=ref)


def make_made(workspace: Workspace, *steps: int, **changes: Any) -> Run:
    """A run that looks as if it had been trained, with checkpoints of these steps."""
    run = make_run(workspace, **changes)
    for step in steps:
        make_checkpoint(run, step)
    return run


@pytest.mark.parametrize(
    ("ref", "made"),
    [
        ("builtin", None),
        ("HuggingFaceTB/SmolLM2-135M", None),
        ("/a/run:folder", None),
        ("run:brave-otter", Made("run", "brave-otter")),
        ("run:20261120-071903-brave-otter@120", Made("run", "20261120-071903-brave-otter", 120)),
        ("run:brave-otter@0", Made("run", "brave-otter", 0)),
        ("merge:calm-heron", Made("merge", "calm-heron")),
    ],
)
def test_an_address_is_read(ref: str, made: Made | None) -> None:
    assert at(ref).made == made


@pytest.mark.parametrize(
    "ref", ["run:", "run:../x", "run:Otter", "run:otter@", "run:otter@-1", "run:otter@01", "merge:a@3"]
)
def test_what_is_no_address_is_told_in_words(workspace: Workspace, ref: str) -> None:
    with raises(ModelError, "run:brave-otter@120", field="model"):
        resolve(workspace, at(ref))
    with raises(ModelError, field="model"):
        resolve(workspace, ModelRef(ref="run:brave-otter", revision="main"))


def test_a_chain_of_runs_is_a_base_and_its_changes(workspace: Workspace) -> None:
    first = make_made(workspace, 2, 4)
    second = make_made(workspace, 3, model=f"run:{first.run_id}@2", method="full")
    third = make_made(workspace, 1, model=f"run:{second.run_id}@3")
    stack = resolve(workspace, at(f"run:{third.name}"))
    assert stack.base == at("builtin") and stack.address == at(f"run:{third.run_id}@1")
    assert [(change.recipe, change.step) for change in stack.changes] == [
        (first.load_recipe(), 2),
        (second.load_recipe(), 3),
        (third.load_recipe(), 1),
    ]
    assert [change.parents for change in stack.changes][1] == (at(f"run:{first.run_id}@2"),)
    assert [change.step for change in stack.needed] == [3, 1]  # a whole model replaces what was below it
    assert [change.step for change in stack.adapters] == [1]
    assert all(change.can == {"answer"} for change in stack.changes)
    assert resolve(workspace, at("builtin")).changes == ()
    assert [run.run_id for run in list_built_on(workspace, first)] == [second.run_id]


def test_without_a_step_it_is_the_best_checkpoint_or_the_last(workspace: Workspace) -> None:
    run = make_made(workspace, 2, 4, 6)
    assert resolve(workspace, at(f"run:{run.run_id}")).changes[0].step == 6
    state = run.find_checkpoint(6) / "trainer_state.json"
    for best, found in ((4, 4), (3, 6), (None, 6)):  # that of step 3 wasn't kept
        state.write_text(json.dumps({"best_global_step": best}))
        assert resolve(workspace, at(f"run:{run.run_id}")).changes[0].step == found


def test_what_an_address_does_not_find_is_told_in_words(workspace: Workspace) -> None:
    run = make_made(workspace, 2)
    child = make_made(workspace, 1, model=f"run:{run.run_id}@2")
    for ref, facts in (
        ("run:nobody-here", "nobody-here"),
        (f"run:{run.run_id}@3", "3 2"),
        (f"run:{make_run(workspace).run_id}", "checkpoint"),
        ("merge:calm-heron", "merge calm-heron"),
    ):
        with raises(NotFoundError, facts, field="model"):
            resolve(workspace, at(ref))
    run.delete()
    with raises(NotFoundError, f"{child.name} {run.run_id}", field="model"):
        resolve(workspace, at(f"run:{child.name}"))


def test_a_short_name_must_be_that_of_one_run(workspace: Workspace) -> None:
    run = make_made(workspace, 2)
    twin = workspace.runs / f"20200101-000000-{run.name}"
    shutil.copytree(run.folder, twin)
    with raises(ModelError, f"{run.run_id} {twin.name}", field="model"):
        resolve(workspace, at(f"run:{run.name}"))
    assert resolve(workspace, at(f"run:{twin.name}")).address == at(f"run:{twin.name}@2")


def test_runs_on_top_of_each_other_are_told_in_words(workspace: Workspace) -> None:
    first = make_made(workspace, 2)
    second = make_made(workspace, 2, model=f"run:{first.run_id}@2")
    recipe = {**first.load_recipe().to_json(), "model": f"run:{second.run_id}@2"}
    (first.folder / "recipe.json").write_text(json.dumps(recipe))
    with raises(ModelError, f"{first.name} {second.name}", field="model"):
        resolve(workspace, at(f"run:{first.run_id}@2"))


def test_a_run_of_somebody_else_is_told_in_the_words_of_an_unknown_one(workspace: Workspace) -> None:
    run = make_made(workspace, 2)
    (run.folder / "owner").write_text("somebody")
    assert resolve(workspace, at(f"run:{run.run_id}"), Visitor("somebody")).changes
    for ref in (f"run:{run.run_id}", f"run:{run.name}"):
        said = []
        for is_there in (True, False):
            with pytest.raises(NotFoundError) as told:
                resolve(workspace if is_there else Workspace(workspace.folder / "other"), at(ref), Visitor("me"))
            said.append((str(told.value), told.value.field))
        assert said[0] == said[1]


# What is built on what


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("address"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def below(home: Workspace, tiny_model: Path) -> Run:
    """A run of LoRA whose answers differ from the base's."""
    return train_quickly(home, tiny_model)


@pytest.fixture
def studio(home: Workspace) -> Studio:
    """A studio that trains in this process."""
    return Studio(home, InlineLauncher())


def start(studio: Studio, model: str, **changes: Any) -> Run:
    """Train a run of two steps on top of a model."""
    run_id = studio.start_run(write_recipe(model, **{"training": LATER, **changes}))
    studio.scheduler.start_next()
    run = Run(studio.workspace.find_run_folder(run_id))
    assert studio.run_status(run_id).status == "finished", studio.run_status(run_id).error
    return run


def ask(studio: Studio, run: Run) -> tuple[str, str]:
    """What base and tuned of a run say, drawn with dice, so that each word depends on all scores."""
    answers = studio.ask(run.run_id, "40 + 2", max_tokens=24, temperature=0.1, seed=3)
    return answers.base, answers.tuned


@pytest.mark.long
def test_a_run_on_top_of_a_run_begins_with_its_answers(studio: Studio, home: Workspace, below: Run) -> None:
    first, second = ask(studio, below)
    run = start(studio, f"run:{below.name}")
    assert run.load_recipe().model == f"run:{below.run_id}@4"  # true for good
    third = ask(studio, run)[1]
    on_top = start(studio, f"run:{run.name}@2", method="full")
    fourth = ask(studio, on_top)[1]
    top = start(studio, f"run:{on_top.name}")
    assert [ask(studio, each)[0] for each in (run, on_top, top)] == [second, third, fourth]
    assert len({first, second, third, fourth}) == 4
    assert len(resolve(home, at(f"run:{top.name}")).changes) == 4

    with raises(InputError, f"{run.name} {below.name}", field="run_id"):
        studio.delete_run(below.run_id)
    for each in (top, on_top, run):
        studio.delete_run(each.run_id)


def test_what_was_made_here_stands_on_the_model_step(studio: Studio, below: Run) -> None:
    [card] = [card for card in studio.list_made() if card.ref == f"run:{below.run_id}@4"]
    assert below.name in card.title and card.made_on == 0
    page = draw_cards(studio, "builtin")
    made = page[page.index('id="models-made"') :]
    patch = escape(json.dumps({"recipe": {"model": card.ref, "revision": None}}))
    assert f'data-set="{patch}"' in made and card.title in made
    assert f"Learned {studio.load_task(TASK_ID).heading} by LoRA" in made
    assert "Your own choice" not in draw_cards(studio, card.ref), "it has a card already"
    facts = draw_facts(studio, card.ref)
    assert card.title in facts and "can't be used" not in facts
    run = start(studio, card.ref)
    [above] = [one for one in studio.list_made() if one.ref == f"run:{run.run_id}@2"]
    assert above.made_on == 1 and "on top of 1 other run" in draw_cards(studio, "builtin")
    studio.delete_run(run.run_id)
    assert run.name not in draw_cards(studio, "builtin")


def test_nothing_made_here_leaves_no_empty_place(workspace: Workspace) -> None:
    assert "models-made" not in draw_cards(Studio(workspace, InlineLauncher()), "builtin")


def test_it_goes_on_as_if_it_had_never_stopped(studio: Studio, home: Workspace, below: Run) -> None:
    run = start(studio, f"run:{below.name}")
    wanted = losses(read_all(run))
    run.forget_checkpoint(2)
    lines = run.events_file.read_text().splitlines()
    saved = next(place for place, line in enumerate(lines) if json.loads(line)["event"] == "saved")
    run.events_file.write_text("\n".join(lines[: saved + 1]) + "\n")
    events = resume(home, run)
    assert events[-1]["event"] == "finished" and losses(events) == {2: wanted[2]}


@pytest.mark.long
def test_a_base_in_codes_is_unpacked_for_what_is_built_on_it(studio: Studio, home: Workspace, tiny_model: Path) -> None:
    below = train_quickly(home, tiny_model, precision="nf4")
    run = start(studio, f"run:{below.name}")
    first, second = ask(studio, below)
    assert first != second == ask(studio, run)[0]
    with raises(ModelError, f"{below.name} 4-bit", field="precision"):
        studio.estimate(write_recipe(f"run:{below.name}", precision="nf4"))


def test_tokens_can_not_be_built_on(studio: Studio, home: Workspace, tiny_model: Path) -> None:
    below = train_quickly(home, tiny_model, method={"name": "prompt", "tokens": 3})
    with raises(ModelError, f"{below.name} Prompt LoRA", field="model"):
        studio.start_run(write_recipe(f"run:{below.name}"))


@pytest.mark.long
def test_what_is_counted_is_the_base(studio: Studio, below: Run, tiny_model: Path) -> None:
    ref = f"run:{below.run_id}@2"
    mine, base = (studio.describe_model(model) for model in (ref, str(tiny_model)))
    assert mine.ref == ref and below.name in mine.title
    assert mine.model_copy(update={"ref": base.ref, "title": base.title}) == base
    made, plain = (studio.estimate(write_recipe(model)) for model in (ref, tiny_model))
    assert (made.trainable, made.total, made.memory_bytes) == (plain.trainable, plain.total, plain.memory_bytes)
    assert below.name in made.sentence
    assert studio.token_lengths(TASK_ID, ref) == studio.token_lengths(TASK_ID, str(tiny_model))
    assert studio.compare_methods(write_recipe(ref)) == studio.compare_methods(write_recipe(tiny_model))


def test_a_checkpoint_that_is_built_on_is_not_forgotten(studio: Studio, home: Workspace, tiny_model: Path) -> None:
    below = train_quickly(home, tiny_model)
    studio.start_run(write_recipe(f"run:{below.run_id}@2"))
    assert below.is_built_on(2) and not below.is_built_on(4)
    folder = shutil.copytree(below.find_checkpoint(2), below.folder / "again", ignore=lambda *_: ["built_on"])
    below.keep_checkpoint(Path(folder), 2)
    assert below.is_built_on(2)


def test_a_model_that_was_changed_below_is_told_in_words(home: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    below = train_quickly(home, folder)
    config = AutoConfig.from_pretrained(folder)
    config.hidden_size = 64
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    stack = resolve(home, at(f"run:{below.name}"))
    with raises(ModelError, f"{below.name}", field="model"):
        load_stack(stack, below.load_recipe().precision, find_device())


def test_a_shared_studio_takes_what_the_visitor_made(home: Workspace, below: Run) -> None:
    shared = Studio(home, InlineLauncher(), local_folders=False, shared=True)
    mine, other = (shared.seen_by(letter * 40) for letter in "ab")
    (below.folder / "owner").write_text(mine.visitor.owner or "")
    try:
        assert mine.describe_model(f"run:{below.name}").parameters
        with pytest.raises(StudioError) as told:
            other.describe_model(f"run:{below.name}")
        assert told.value.field == "model" and below.run_id not in str(told.value)
    finally:
        (below.folder / "owner").unlink()
