"""`make soak`, or `python -m bench.soak --minutes 10 --seed 0`: accidents at random, and what is true after each.

A real studio on a workspace of its own trains tiny models (the small real things of the tests). After each accident the
list of runs must be true and the same for a studio that has just come, every loss that of a run which nothing happened
to, nothing may lie about, and the next run must work. Prints a tally; the exit status is 1 if anything broke.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

import psutil
from accidents import (
    WEIGHTS,
    check_truth,
    choose_moment,
    cut,
    drop,
    fill,
    kill_at,
    read_whole_events,
)
from nursery import Nursery
from tiny import import_task, losses, make_tiny_model, write_recipe
from tiny import wait_until as wait_so_long

from bench.attacks import ATTACKS, click_while, serve_shared, warm_up
from bench.traps import LAYERS, make_models
from studio.answering.pair import BASE
from studio.apart.pool import Limits, Pool
from studio.runs.run import Run, find_run, list_runs
from studio.service import Studio
from studio.workspace import Workspace

KNOWN_STEPS = 150
SHORT = {"max_steps": 12, "save_every": 2, "evaluate_every": 5, "keep_checkpoints": 2}
LONG = {"max_steps": 2000, "save_every": 5, "evaluate_every": 5, "keep_checkpoints": 2}
STEADY = {"schedule": "constant", "warmup_ratio": 0.0}
"""A rate that never changes, so that the first steps are the same however many follow. (All evaluate alike: it rolls
the dice that dropout uses.)"""
METHOD = {"name": "lora", "rank": 2, "dropout": 0.1}
PROMPT = [1, *range(40, 60)]
MOST_KEPT = 200_000_000
"""Bytes that an attacked server may hold more than before all attacks: some kinds of table need their libraries."""
ATTACK = "attack: "
ENOUGH_MINUTES = 10
"""So long meets every accident."""
SERVER = """
import sys
from nursery import Nursery
from studio.service import Studio
from studio.workspace import Workspace
studio = Studio(Workspace(sys.argv[1]), Nursery()).open()
print("open", flush=True)
sys.stdin.read()
"""


def wait_until(is_true: Callable[[], Any]) -> Any:
    """Ask until the answer is true and return it; fail after minutes, which even a busy machine doesn't need."""
    return wait_so_long(is_true, seconds=240)


class Soak:
    """One studio, its dice, and the losses of a run that nothing happened to."""

    def __init__(self, home: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.model = make_tiny_model(home / "model")
        self.nursery = Nursery()
        self.studio = Studio(Workspace(home / "workspace"), self.nursery).open()
        self.workspace = self.studio.workspace
        self.facts: Counter[str] = Counter()
        self.rest = contextlib.ExitStack()
        self.attacked: tuple[str, psutil.Process] | None = None
        import_task(self.workspace)
        run = self.start(max_steps=KNOWN_STEPS, save_every=0)
        self.await_status(run, "finished")
        self.whole = losses(read_whole_events(run))
        self.base = self.read_base(run)
        self.answers = self.ask(run)
        self.kept = Path(shutil.copytree(run.folder, home / "kept"))
        self.studio.delete_run(run.run_id)

    # ---- what a person does

    def start(self, **training: Any) -> Run:
        """Start a run and wait until it has a process."""
        run = self.queue(**training)
        wait_until(run.was_launched)
        return run

    def queue(self, request: str = "", **training: Any) -> Run:
        """Put a run into the queue."""
        recipe = write_recipe(self.model, method=METHOD, training={**SHORT, **STEADY, **training})
        return find_run(self.workspace, self.studio.start_run(recipe, request))

    def resume(self, run: Run) -> None:
        """Let a run go on and wait until it has a new process."""
        before = run.find_launch()
        self.studio.resume_run(run.run_id)
        wait_until(lambda: run.find_launch() not in (before, None))

    def await_status(self, run: Run, *wanted: str) -> Any:
        """Wait until a run is so."""
        return wait_until(lambda: (now := self.studio.run_status(run.run_id)).status in wanted and now)

    def train_long(self) -> Run:
        """Start a run that trains until it is stopped, and wait until it is some steps on its way."""
        run, steps = self.start(**LONG), self.dice.randrange(2, 30)
        wait_until(lambda: self.studio.run_status(run.run_id).step >= steps)
        return run

    def stop(self, run: Run) -> None:
        """Stop a run; what it says and keeps must be true."""
        self.studio.stop_run(run.run_id)
        status = self.await_status(run, "stopped")
        assert status.checkpoints[-1] == status.step, status
        wait_until(lambda: not run.is_alive())  # its last word is written before it ends

    def finish(self, run: Run, steps: int = SHORT["max_steps"]) -> None:
        """Wait for the end of a run and compare each loss."""
        status = self.await_status(run, "finished")
        told = losses(read_whole_events(run))
        assert told == {step: self.whole[step] for step in range(1, steps + 1)}, "its losses are others"
        assert status.step == status.of == steps == status.checkpoints[-1], status
        wait_until(lambda: not run.is_alive())
        assert not list(run.checkpoints_folder.glob(".*")), "half a checkpoint lies about"

    def kill(self, run: Run) -> None:
        """Kill the run's process and wait until it is gone."""
        launch = run.find_launch()
        assert launch is not None
        os.kill(launch.ticket["pid"], signal.SIGKILL)
        wait_until(lambda: not launch.is_alive())

    def ask(self, run: Run) -> tuple[str, str]:
        """Return what base and tuned answer."""
        answers = self.studio.ask(run.run_id, "40 + 2", max_tokens=6)
        return answers.base, answers.tuned

    def read_base(self, run: Run) -> Any:
        """Return the logits of the base's side."""
        import torch

        self.ask(run)
        assert self.studio.desk._pair is not None
        ids = torch.tensor([PROMPT, PROMPT])
        return self.studio.desk._pair.read(ids, torch.ones_like(ids)).values[BASE]

    # ---- accidents

    def kill_the_trainer(self) -> None:
        """kill -9 of the trainer, at a file operation, in a checkpoint write or at any time, until it gets through."""
        moment = choose_moment(self.nursery, self.dice)
        run = self.start()
        while True:
            self.facts["kills of the trainer"] += kill_at(moment, self.nursery, run, self.dice)
            check_truth(run, self.whole)
            if self.studio.run_status(run.run_id).status == "finished":
                return self.finish(run)
            self.nursery.doom = 0
            moment = choose_moment(self.nursery, self.dice)
            self.resume(run)

    def stop_and_resume(self) -> None:
        """Stop at any moment, resume, to the same end."""
        run = self.start(max_steps=60)
        time.sleep(self.dice.random())
        self.studio.stop_run(run.run_id)
        if self.await_status(run, "stopped", "finished").status == "stopped":
            self.resume(run)
        self.finish(run, 60)

    def stop_as_it_starts(self) -> None:
        """Another studio stops a run about when this one starts it: it ends, and is never called lost."""
        other = Studio(self.workspace)
        run, end = self.queue(**LONG), time.monotonic() + 0.1 * self.dice.random()
        while True:
            status = other.run_status(run.run_id).status
            assert status in ("queued", "starting", "running"), status
            if time.monotonic() > end:
                break
        other.stop_run(run.run_id)
        assert self.await_status(run, "stopped").step < LONG["max_steps"]
        wait_until(lambda: not run.is_alive())
        assert other.run_status(run.run_id).status == "stopped"

    def edit_the_note(self) -> None:
        """process.json is deleted, damaged or somebody else's while it trains: no second child starts."""
        run = self.train_long()
        launch = run.find_launch()
        assert launch is not None
        stranger = json.dumps(launch.to_json() | {"pid": os.getpid()})
        run.process_file.unlink()
        if text := self.dice.choice(["", "[{\x00", stranger, '{"pid": 4194304, "created": 1, "offset": 0}']):
            run.process_file.write_text(text)
        assert self.studio.run_status(run.run_id).status == "running"
        waiting = self.queue()
        assert self.studio.scheduler.start_next() is None and not waiting.was_launched()
        self.stop(run)
        self.finish(waiting)

    def edit_the_events(self) -> None:
        """events.jsonl is deleted, shortened, replaced or filled with garbage while it trains."""
        run = self.train_long()
        file, hand = run.events_file, self.dice.randrange(5)
        if hand == 0:
            file.unlink()
        elif hand == 1:
            os.truncate(file, self.dice.randrange(file.stat().st_size))
        elif hand == 2:
            os.replace(shutil.copy(file, file.with_name("mine")), file)
        else:
            with open(file, "ab") as stream:
                long = b"x" * 2_000_000
                wrong = b'\n{"event": "metrics", "at": 1, "step": "many"}\n'
                stream.write(self.dice.choice([self.dice.randbytes(5000), long, wrong]))
        step = self.studio.run_status(run.run_id).step
        wait_until(lambda: self.studio.run_status(run.run_id).step > step + 2)
        assert Studio(self.workspace).run_status(run.run_id).status == "running"
        self.stop(run)

    def break_the_recipe(self) -> None:
        """recipe.json is damaged while it trains: that is told, and the training goes on."""
        run = self.train_long()
        (run.folder / "recipe.json").write_bytes(self.dice.choice([b"", b"{", b"\xff\xfe", b'{"task_id": "gone"}']))
        assert self.studio.run_status(run.run_id).status == "running" and len(Studio(self.workspace).list_runs()) == 1
        self.stop(run)

    def delete_the_folder(self) -> None:
        """The run's folder is deleted while it trains: its process ends, and nothing comes back."""
        run = self.train_long()
        launch = run.find_launch()
        assert launch is not None
        shutil.rmtree(run.folder, ignore_errors=True)
        wait_until(lambda: not launch.is_alive())
        if run.folder.exists():  # the hand met the child's in the middle of a checkpoint; it does the rest now
            assert not (run.folder / "recipe.json").exists()
            shutil.rmtree(run.folder)
        assert self.studio.list_runs() == []

    def damage_a_checkpoint(self) -> None:
        """The newest checkpoint is cut, emptied or loses a file: an older one is gone on from, and it says so."""
        run = self.start(max_steps=100, save_every=4, keep_checkpoints=4)
        wait_until(lambda: len(run.list_checkpoints()) > 1)
        self.kill(run)
        wait_until(lambda: self.studio.run_status(run.run_id).error)
        before, newest = run.list_checkpoints(), run.find_checkpoint()
        names = [WEIGHTS, "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json"]
        name = self.dice.choice(names)
        self.dice.choice([cut(name), drop(name), fill(name, b""), fill(name, self.dice.randbytes(300))])(newest)
        assert (before[-1] in self.studio.run_status(run.run_id).checkpoints) == (name != WEIGHTS)
        self.resume(run)
        self.finish(run, 100)
        started = [event for event in read_whole_events(run) if event["event"] == "started"][-1]
        assert started["resumed_from"] == before[-2] and f"step {before[-1]} (" in started["note"], started

    def fill_the_disk(self) -> None:
        """No file can grow as large as a checkpoint: it fails in words, and goes on when there is room."""
        self.nursery.most_bytes = self.dice.randrange(9_000, 30_000)
        run = self.start()
        status = self.await_status(run, "failed", "finished", "lost")
        assert status.status == "failed" and status.error == "The disk is full." and status.can_resume, status
        wait_until(lambda: not run.is_alive())
        assert not list(run.checkpoints_folder.glob(".*")), "half a checkpoint takes the room that is missing"
        self.resume(run)
        self.finish(run)

    def ask_in_between(self) -> None:
        """Questions while it trains: some are cancelled, one is for a run that is gone, one for a foreign adapter."""
        run = self.train_long()
        wait_until(run.list_checkpoints)
        for _ in range(self.dice.randrange(1, 6)):
            stream = self.studio.stream(run.run_id, "40 + 2", max_tokens=50)
            for _ in range(self.dice.randrange(1, 9)):
                next(stream, None)  # a short answer ends of itself
            stream.close()  # type: ignore[attr-defined]
        self.refuse(lambda: self.studio.ask("20200101-000000-no-one", "1 + 1"))
        foreign = Run(shutil.copytree(self.kept, self.workspace.new_run_folder(), dirs_exist_ok=True))
        config = foreign.find_checkpoint() / "adapter_config.json"
        wrong = self.dice.choice([{"r": 32}, {"target_modules": ["c_attn"]}, {"target_modules": ["q_proj"]}])
        config.write_text(json.dumps(json.loads(config.read_text()) | wrong))
        self.refuse(lambda: self.studio.ask(foreign.run_id, "1 + 1"))
        assert bool((self.read_base(run) == self.base).all()), "the base is not the base any more"
        self.stop(run)

    def refuse(self, act: Callable[[], Any]) -> None:
        """Check that an act is refused in words."""
        try:
            act()
        except Exception as error:
            assert type(error).__module__ == "studio.errors", f"{type(error).__name__}: {error}"
            return
        raise AssertionError("It was not refused.")

    def set_the_clock_back(self) -> None:
        """One who came when the clock was ahead keeps the place in the queue, and no time runs backwards."""
        training = self.train_long()
        line = [self.queue()]
        ahead = time.time_ns() + self.dice.randrange(10**9, 10**14)
        os.utime(line[0].folder / "recipe.json", ns=(ahead, ahead))
        line += [self.queue() for _ in range(2)]
        with open(training.events_file, "a") as file:
            file.write(json.dumps({"event": "noted", "at": 5}) + "\n")
        places = {status.run_id: status.position for status in self.studio.list_runs()}
        assert [places[run.run_id] for run in line] == [1, 2, 3], places
        assert (self.studio.run_status(training.run_id).elapsed_seconds or 0) >= 0
        self.stop(training)
        for run in line:
            self.finish(run)
        begun = [run.events_file.read_text().split('"at": ', 1)[1].split(",")[0] for run in line]
        assert begun == sorted(begun, key=float), "somebody jumped the line"

    def click_at_once(self) -> None:
        """One click arrives six times at once: it makes one run."""
        made: list[str] = []
        hands = [threading.Thread(target=lambda: made.append(self.queue("the same click").run_id)) for _ in range(6)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        assert len(made) == 6 and len(set(made)) == 1, made
        self.finish(find_run(self.workspace, made[0]))

    def kill_the_server(self) -> None:
        """Of two servers the one that starts the runs is killed: what trains goes on, the other takes over."""
        with tempfile.TemporaryDirectory() as home:
            workspace = Workspace(home)
            import_task(workspace)
            servers = [self.open_server(workspace), self.open_server(workspace)]
            mine, watching = self.studio, Studio(workspace)
            self.studio, self.workspace = watching, workspace
            try:
                runs = [self.queue(max_steps=100), self.queue()]
                wait_until(runs[0].was_launched)
                time.sleep(self.dice.random())
                servers[0].kill()
                servers[0].wait()
                for run, steps in zip(runs, (100, 12), strict=True):
                    self.finish(run, steps)
                assert all(sum(e["event"] == "started" for e in read_whole_events(run)) == 1 for run in runs)
            finally:
                self.studio, self.workspace = mine, mine.workspace
                for server in servers:
                    server.kill()
                    server.wait()
                    for pipe in (server.stdin, server.stdout):
                        assert pipe is not None
                        pipe.close()

    def open_server(self, workspace: Workspace) -> subprocess.Popen[str]:
        """Start a studio in a process of its own and wait until it is open."""
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(workspace.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        )
        assert server.stdout is not None and server.stdout.readline().strip() == "open"
        return server

    def be_attacked(self, name: str) -> None:
        """Strangers attack a shared studio: another visitor is answered all the while, and it keeps no memory of it."""
        if self.attacked is None:
            self.attacked = self.rest.enter_context(
                serve_shared(self.rest.enter_context(tempfile.TemporaryDirectory()))
            )
            warm_up(self.attacked[0])
            click_while(self.attacked[0], seconds=1)
            self.memory = self.attacked[1].memory_info().rss
        address, server = self.attacked
        click_while(address, name, 4)
        wait_until(lambda: server.memory_info().rss < self.memory + MOST_KEPT)

    def meet_a_bomb(self) -> None:
        """A foreign model that never ends, or asks for all memory, is ended in words; the next question is answered."""
        apart = Studio(self.workspace, self.nursery, place=Pool(Limits(seconds=30, memory_bytes=1 << 30)))
        with tempfile.TemporaryDirectory() as home:
            models = make_models(Path(home))
            name = self.dice.choice(list(models))
            recipe = write_recipe(models[name], method=METHOD, objective={"name": "sft", "template": "chat"})
            self.refuse(lambda: apart.estimate(recipe) if name == LAYERS else apart.data.see(recipe, 0))
        good = write_recipe(self.model, method=METHOD)
        assert apart.data.see(good, 0) == self.studio.data.see(good, 0)
        apart.place.close()

    # ---- what must be true after each

    def check_house(self) -> None:
        """Check that old and new eyes see the same, that the next run works, and that nothing lies about."""
        assert self.look(self.studio) == self.look(Studio(self.workspace)), "who comes now sees something else"
        run = self.start(max_steps=4)
        self.finish(run, 4)
        copy = Run(shutil.copytree(self.kept, self.workspace.new_run_folder(), dirs_exist_ok=True))
        assert self.ask(copy) == self.answers, "it answers other than before"
        for each in list_runs(self.workspace):
            self.studio.delete_run(each.run_id)
        wait_until(lambda: not self.nursery.list_children())
        assert not list(self.workspace.runs.iterdir()), "folders lie about"
        assert not list(self.workspace.folder.rglob("*.partial")), "half-written files lie about"

    def look(self, studio: Studio) -> list[Any]:
        """Return what a studio sees of all runs."""
        return [(one.run_id, one.status, one.step, one.checkpoints, one.position) for one in studio.list_runs()]

    def clean_up(self) -> None:
        """After something broke: end what trains, delete what is there, so that the next accident has a fresh start."""
        for pid in self.nursery.list_children():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.nursery.list_children())
        for folder in self.workspace.runs.iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Close the studio."""
        self.studio.close()
        self.rest.close()


ACCIDENTS = {
    "the trainer is killed": (Soak.kill_the_trainer, 6),
    "stopped and resumed": (Soak.stop_and_resume, 2),
    "stopped as it starts": (Soak.stop_as_it_starts, 2),
    "process.json edited": (Soak.edit_the_note, 2),
    "events.jsonl edited": (Soak.edit_the_events, 3),
    "recipe.json broken": (Soak.break_the_recipe, 1),
    "run folder deleted": (Soak.delete_the_folder, 2),
    "checkpoint damaged": (Soak.damage_a_checkpoint, 3),
    "disk full": (Soak.fill_the_disk, 2),
    "asked in between": (Soak.ask_in_between, 3),
    "clock set back": (Soak.set_the_clock_back, 1),
    "one click, six times": (Soak.click_at_once, 1),
    "server killed": (Soak.kill_the_server, 1),
    "foreign model": (Soak.meet_a_bomb, 1),
    **{f"{ATTACK}{name}": (partial(Soak.be_attacked, name=name), 1) for name in ATTACKS},
}
"""Each accident and how often it comes, relative to the others; each comes once before any comes again."""


def main() -> int:
    """Let accidents happen for so many minutes and print the tally. Returns 1 if anything broke."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    happened, broken = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as home:
        soak = Soak(Path(home), given.seed)
        end = time.monotonic() + 60 * given.minutes
        deck = soak.dice.sample(list(ACCIDENTS), len(ACCIDENTS))  # each once, then as often as its weight says
        deck.sort(key=lambda name: name.startswith(ATTACK))  # attacks first, so that ten minutes meet them all
        while time.monotonic() < end:
            if not deck:
                deck = [name for name, (_, weight) in ACCIDENTS.items() for _ in range(weight)]
                soak.dice.shuffle(deck)
            name = deck.pop()
            happened[name] += 1
            try:
                ACCIDENTS[name][0](soak)
                if not name.startswith(ATTACK):  # which is another studio's house
                    soak.check_house()
            except Exception:
                broken[name] += 1
                print(f"BROKEN after {sum(happened.values())} accidents: {name}\n{traceback.format_exc()}", flush=True)
                soak.clean_up()
        soak.close()
    for name in ACCIDENTS:
        print(f"{name:36}{happened[name]:6} times{broken[name]:6} broken")
    if missed := ACCIDENTS.keys() - happened.keys():
        print(f"Never met in {given.minutes:g} minutes: {', '.join(sorted(missed))}")
    kills = soak.facts["kills of the trainer"]
    print(
        f"{'in all':36}{sum(happened.values()):6} accidents, {kills} kills of the trainer, "
        f"{sum(broken.values())} broken, in {given.minutes:g} minutes, seed {given.seed}"
    )
    return 1 if broken or (missed and given.minutes >= ENOUGH_MINUTES) else 0


if __name__ == "__main__":
    sys.exit(main())
