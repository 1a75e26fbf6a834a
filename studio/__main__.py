"""The studio without the page: `python -m studio` with train, score, merge, export, archive or import.

The first four are work in the queue. Ctrl+C asks it to stop and save, as the page's button does.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studio.errors import InputError, StudioError
from studio.interruption import Interruption
from studio.models.card import choose_card
from studio.runs.status import ACTIVE, RunStatus
from studio.service import Studio
from studio.service.operator import Operator
from studio.workspace import Workspace


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 done, 1 the run failed, 2 something given can't be used."""
    parser = argparse.ArgumentParser(prog="python -m studio", description=__doc__.split("\n")[0])
    parser.add_argument("--workspace", help="the workspace folder (default: $STUDIO_HOME, or the user's data folder)")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a recipe, with a progress bar")
    train.add_argument("recipe", help="a JSON file with the recipe; - reads it from standard input")
    score = commands.add_parser("score", help="score base and tuned on the test set of a run")
    score.add_argument("run_id")
    merge = commands.add_parser("merge", help="make one model of several of one base")
    merge.add_argument("order", help="a JSON file with way, parents and weights; - reads it from standard input")
    export = commands.add_parser("export", help="write a model as a file")
    export.add_argument("model", help="its address, such as run:brave-otter@120")
    export.add_argument("form", help="adapter, merged, gguf, ollama, recipe, script, notebook, report or page")
    export.add_argument("--to", default=".", help="the file or folder to write it to (default: here)")
    export.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the form")
    archive = commands.add_parser("archive", help="write a whole run as one file, which another studio imports")
    archive.add_argument("run_id")
    archive.add_argument("--to", default=".", help="the folder to write it to (default: here)")
    bring = commands.add_parser("import", help="keep the run of such a file, of any size")
    bring.add_argument("file")
    bring.add_argument("--base", default="", help="the folder of its base model, where that was a folder elsewhere")
    add_operator(commands)
    given = parser.parse_args(arguments)
    choose_card(os.environ)
    try:
        if given.command == "operate":
            return operate(Operator(Studio(Workspace(given.workspace))), given)
        studio = Studio(Workspace(given.workspace)).open()
        try:
            return do(studio, given)
        finally:
            studio.close()
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2


def do(studio: Studio, given: argparse.Namespace) -> int:
    """Do what is asked of an open studio. Returns the exit status."""
    if given.command == "train":
        return train_recipe(studio, given.recipe)
    if given.command == "score":
        return score_run(studio, given.run_id)
    if given.command == "archive":
        print(studio.archives.export(given.run_id, Path(given.to)))
        return 0
    if given.command == "import":
        return import_run(studio, Path(given.file), given.base)
    return merge_models(studio, given.order) if given.command == "merge" else export_model(studio, given)


def add_operator(commands: Any) -> None:
    """Add the commands of a shared studio's operator, who works in the terminal of its computer."""
    operator = commands.add_parser("operate", help="list, stop or delete anybody's runs, and free space")
    acts = operator.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="every run: id, owner, status, megabytes")
    stop = "ask a run to stop and save; a second time, end it at once"
    for act, about in (("stop", stop), ("delete", "delete a run that isn't running")):
        acts.add_parser(act, help=about).add_argument("run_id")
    acts.add_parser("space", help="megabytes of each owner").add_argument(
        "--free", action="store_true", help="delete the cache and uploads that nobody uses"
    )


def operate(operator: Operator, given: argparse.Namespace) -> int:
    """Do what the operator asks, and print it."""
    if given.act == "list":
        for line in operator.list_runs():
            print(f"{line.run_id}  {line.owner or '-':8}  {line.status:9}  {line.size_bytes / 1e6:,.1f} MB")
    elif given.act == "space":
        if given.free:
            print(f"freed  {operator.free_space() / 1e6:,.1f} MB")
        for name, size in operator.measure_space().items():
            print(f"{name}  {size / 1e6:,.1f} MB")
    else:
        operator.stop(given.run_id) if given.act == "stop" else operator.delete(given.run_id)
        print(f"{given.run_id}: {'asked to stop' if given.act == 'stop' else 'deleted'}")
    return 0


def train_recipe(studio: Studio, name: str) -> int:
    """Train the recipe of a file and follow it to its end."""
    if (text := read_given(name, "recipe")) is None:
        return 2
    print(studio.estimate(text).sentence)
    with Interruption("SIGINT") as interruption:
        run_id = studio.start_run(text)
        print(f"Run {run_id}", flush=True)
        return follow_run(studio, run_id, interruption)


def read_given(name: str, what: str) -> str | None:
    """Return the text of a file that was given, - for standard input; None, and words, where it can't be read."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        print(f"The {what} {name} can't be read: {error}.", file=sys.stderr)
        return None


def follow_run(studio: Studio, run_id: str, interruption: Interruption) -> int:
    """Show a training's progress until it ends, and how it ended. Returns 0 finished or stopped, 1 otherwise."""
    status = watch_run(studio, run_id, interruption)
    told = {"run_id", "status", "step", "loss", "validation_loss", "held_out_loss"}
    print(json.dumps(status.model_dump(mode="json", include=told)))
    return 0 if status.status in ("finished", "stopped") else 1


def watch_run(studio: Studio, run_id: str, interruption: Interruption) -> RunStatus:
    """Show the progress of work until it ends; one who is asked to end asks the work, once."""
    is_told = False
    with tqdm(unit=studio.run_status(run_id).unit, dynamic_ncols=True) as bar:
        while True:
            status = studio.run_status(run_id)
            bar.total, bar.n = status.of, status.step
            waiting = f"number {status.position} in the queue" if status.position else None
            bar.set_description_str(waiting or status.phase or status.status)
            if status.loss is not None:
                bar.set_postfix({**status.measures, "validation": status.validation_loss}, refresh=False)
            bar.refresh()
            if status.status not in ACTIVE and status.status != "queued":
                break
            if interruption.is_asked() and not is_told:
                studio.stop_run(run_id)
                is_told = True
            time.sleep(0.5)
    if status.error:
        print(status.error, status.remedy or "", file=sys.stderr)
    return status


def score_run(studio: Studio, run_id: str) -> int:
    """Score base and tuned on the test set, and print what came out. Returns 0 finished, 1 otherwise."""
    with Interruption("SIGINT") as interruption:
        work = studio.scores.start(run_id)
        status = watch_run(studio, work, interruption)
    if status.status == "finished":
        print(studio.scores.find_kept(work).comparison.model_dump_json(indent=2))
    return int(status.status != "finished")


def merge_models(studio: Studio, name: str) -> int:
    """Make one model as a file orders, and print what came out. Returns 0 finished, 1 otherwise."""
    if (text := read_given(name, "order")) is None:
        return 2
    with Interruption("SIGINT") as interruption:
        work = studio.merges.start(_read_value(text))
        status = watch_run(studio, work, interruption)
    if status.status == "finished":
        print(studio.merges.find_made(work).model_dump_json(indent=2, exclude={"meetings"}))
    return int(status.status != "finished")


def export_model(studio: Studio, given: argparse.Namespace) -> int:
    """Write a model as a file, and print where it is. Returns 0 finished, 1 otherwise."""
    options = {name: _read_value(value) for name, _, value in (each.partition("=") for each in given.option)}
    with Interruption("SIGINT") as interruption:
        work = studio.exports.start(given.model, given.form, options)
        status = watch_run(studio, work, interruption)
    if status.status == "finished":
        try:
            print(shutil.copy2(studio.exports.find_file(work), given.to))
        except OSError as error:
            print(f"{given.to} can't be written: {error.strerror}.", file=sys.stderr)
            return 2
    return int(status.status != "finished")


def import_run(studio: Studio, path: Path, base: str) -> int:
    """Keep the run of a file, and print its id and what should be known of it. Returns 0."""
    if not path.is_file():
        raise InputError(f"There is no file {path}. Name one that `archive` wrote.", field="file")
    found = studio.archives.import_run(path, base)
    print(found.run_id)
    for warning in found.warnings:
        print(warning, file=sys.stderr)
    return 0


def _read_value(text: str) -> Any:
    """A number, true or false as JSON has them; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
