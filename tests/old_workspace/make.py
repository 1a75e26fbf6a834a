"""Write the workspace that lies beside this file, with the code of an older edition of the studio (see README.md)."""

import json
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from studio.runs.launcher import InlineLauncher
from studio.runs.recipe import read_recipe
from studio.tasks.labelling import Label
from tiny import TASK_ID, import_task, losses, make_tiny_model, read_all, train, wait_until, write_recipe

from studio.runs.run import Run, new_run
from studio.service import Studio
from studio.tasks.edit import SetText
from studio.workspace import Workspace

MODEL, WORKSPACE = "@model@", "@workspace@"
KINDS: dict[str, list[dict[str, Any]]] = {
    "chats.json": [
        {"messages": [{"role": "user", "content": f"Say {n}."}, {"role": "assistant", "content": f"{n}!"}]}
        for n in range(6)
    ],
    "pairs.json": [{"prompt": f"Add {n} and 1.", "chosen": f"{n + 1}", "rejected": "No."} for n in range(6)],
    "ratings.json": [{"prompt": f"Add {n}, 1.", "completion": f"{n + 1}", "label": n % 2 == 0} for n in range(6)],
    "texts.json": [{"text": f"There were once {n} sums, and each was right."} for n in range(2, 8)],
}


def main(folder: Path) -> None:
    """Write tasks of every kind, labels, votes, and a run in every state; no path of this machine stays in them."""
    with tempfile.TemporaryDirectory() as made:
        model = make_tiny_model(Path(made) / "model")
        workspace = Workspace(folder)
        studio = Studio(workspace)
        import_task(workspace, count=20)
        for name, rows in KINDS.items():
            file = Path(made) / name
            file.write_text(json.dumps(rows))
            studio.import_task(file, name)
        label(studio)
        method = {"name": "lora", "rank": 1, "targets": "layers.0.self_attn.q_proj"}
        short = {"max_steps": 4, "save_every": 2, "evaluate_every": 2}
        recipe = write_recipe(model, training=short, method=method)
        finished = train(workspace, recipe)
        shutil.rmtree(finished.checkpoints_folder / "step-2")
        vote = {"prompt": "1 + 1", "base": "3", "tuned": "2", "step": 4}
        studio.vote(finished.run_id, {**vote, "choice": "tuned"})
        studio.vote(finished.run_id, {**vote, "prompt": "2 + 2", "choice": "same"})
        stop(workspace, recipe)
        train(workspace, write_recipe(model, training={**short, "max_length": 8}, method=method))
        lose(train(workspace, recipe))
        new_run(workspace, read_recipe(recipe))
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in (".json", ".jsonl", ".md"):
                path.write_text(path.read_text().replace(str(model), MODEL).replace(str(folder), WORKSPACE))
    for path in [*folder.glob("runs/*/output.log"), *folder.rglob("*.lock"), *folder.rglob("README.md")]:
        path.unlink()
    shutil.rmtree(folder / "cache", ignore_errors=True)


def label(studio: Studio) -> None:
    """Let two people label, settle where they differ, and change a title."""
    desk = studio.labels
    ids = [item.id for item in desk.list_items(TASK_ID)][:3]
    for number, id in enumerate(ids):
        desk.add_label(TASK_ID, Label(by="ada", id=id, output="7", at=1.0 + number))
        desk.add_label(TASK_ID, Label(by="ben", id=id, output="7" if number else "8", at=2.0 + number))
    desk.settle(TASK_ID, ids[0], "8", "ada")
    title = desk.load_task(TASK_ID).title
    desk.edit(TASK_ID, [SetText(field="title", text="Sums of old", before=title)], "ada")


def stop(workspace: Workspace, recipe: dict[str, Any]) -> None:
    """Train a run that is asked to stop once it has told of a step."""
    run = new_run(
        workspace, read_recipe({**recipe, "training": {**recipe["training"], "max_steps": 400, "save_every": 0}})
    )

    def ask() -> None:
        wait_until(lambda: run.events_file.exists() and losses(read_all(run)))
        run.stop_file.touch()

    asking = threading.Thread(target=ask)
    asking.start()
    InlineLauncher().launch(workspace, run)
    asking.join()


def lose(run: Run) -> None:
    """Leave of a run what is there when its process is killed before its last word, and after its first checkpoint."""
    lines = run.events_file.read_text().splitlines(keepends=True)
    kept = next(n for n, line in enumerate(lines) if json.loads(line)["event"] == "saved")
    run.events_file.write_text("".join(lines[: kept + 1]))
    shutil.rmtree(run.checkpoints_folder / "step-4")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
