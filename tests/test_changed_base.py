"""A base that was changed under its name: what was made on it is neither asked, merged, exported nor trained on."""

import shutil
from hashlib import sha256
from pathlib import Path

from telling import raises, tells
from tiny import import_task, read_all, resume, train_quickly

from studio.errors import ModelError
from studio.launchers.inline import InlineLauncher
from studio.models.fingerprint import matches, take_fingerprint
from studio.service import Studio
from studio.workspace import Workspace


def change_one_weight(folder: Path, by: float = 1.0) -> None:
    """Change a row in the midst of a model's file, which stays as long as it was."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][60] += by
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_a_base_that_changed_under_its_name_is_told_wherever_it_is_used(tmp_path: Path, tiny_model: Path) -> None:
    workspace, base = Workspace(tmp_path / "home"), tmp_path / "base"
    shutil.copytree(tiny_model, base)
    import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    run = train_quickly(workspace, base)
    model = f"run:{run.run_id}@4"
    order = {"way": "linear", "parents": [{"model": model, "weight": 0.5}, {"model": f"run:{run.run_id}@2"}]}
    merged = studio.merges.merge({**order, "name": "before"}).address
    waiting = studio.merges.start({**order, "name": "after"}), studio.exports.start(model, "merged", {})
    change_one_weight(base)
    for each in (model, merged):
        with raises(ModelError, "base changed weights"):
            studio.exports.start(each, "merged", {"dtype": "fp32"})
        offered = {one.form: one.refusal for one in studio.exports.list_forms(each)}
        assert tells(offered["adapter"], "base changed") and not offered["recipe"]
    with raises(ModelError, "base changed", field="parents"):
        studio.merges.start(order)
    with raises(ModelError, "base changed"):
        studio.ask(run.run_id, "1 + 1", max_tokens=4)
    while studio.scheduler.start_next():
        continue
    assert all(tells(studio.run_status(each).error, "base changed") for each in waiting)
    shutil.rmtree(run.checkpoints_folder / "step-4")
    assert tells(resume(workspace, run)[-1], "base changed") and read_all(run)[-1]["event"] == "failed"
    above = train_quickly(workspace, Path(f"run:{run.run_id}@2"))
    assert tells(read_all(above)[-1], "base changed")

    shutil.copytree(tiny_model, base, dirs_exist_ok=True)
    assert studio.ask(run.run_id, "1 + 1", max_tokens=4).tuned is not None, "the model is back"
    assert studio.merges.merge({**order, "parents": [{"model": f"run:{run.run_id}@2"}]}).result == "exact"


def test_weights_of_another_model_are_not_kept_for_one_of_the_same_name(tmp_path: Path, tiny_model: Path) -> None:
    workspace, base = Workspace(tmp_path / "home"), tmp_path / "base"
    shutil.copytree(tiny_model, base)
    import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    studio.ask(train_quickly(workspace, base).run_id, "1 + 1", max_tokens=4)
    change_one_weight(base, by=50.0)
    second = train_quickly(workspace, base)
    wanted = Studio(workspace, InlineLauncher()).ask(second.run_id, "1 + 1", max_tokens=16)
    found = studio.ask(second.run_id, "1 + 1", max_tokens=16)
    assert [one.tokens for one in found.columns] == [one.tokens for one in wanted.columns]


def test_a_model_is_known_by_a_piece_of_each_weight_and_by_what_an_older_archive_says(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    weights = {f"layers.{place}": torch.full((700, 1024), float(place)) for place in range(3)}
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    marks = take_fingerprint(tmp_path), take_ends(tmp_path)
    assert matches(tmp_path, marks[0]) and matches(tmp_path, marks[1]) and not matches(tmp_path, "0" * 64)
    save_file({**weights, "layers.1": weights["layers.1"] + 1}, tmp_path / "model.safetensors")
    assert matches(tmp_path, marks[1]), "it reads the ends of a file alone"
    assert not matches(tmp_path, marks[0])
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    assert not matches(tmp_path, marks[0])


def take_ends(folder: Path) -> str:
    """What an archive of an older studio says of its base."""
    digest, most = sha256(), 1 << 20
    for file in (folder / "config.json", folder / "model.safetensors"):
        data = file.read_bytes()
        digest.update(f"{file.name} {len(data)}\n".encode() + data[:most] + data[-most:])
    return digest.hexdigest()
