"""Merging and taking away at real size, beside others on the same files; and what the built-in base does elsewhere.

Two LoRA adapters of rank 16 with random numbers lie on a base of a billion random weights (the shape of Llama 3.2 1B,
bf16). Each side merges or exports in a fresh process, of which the most memory it held counts. mergekit is measured
where STUDIO_MERGEKIT names a Python that has it, llama.cpp where xllamacpp can be imported.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.figure import Figure, run_python
from studio.launchers.inline import InlineLauncher
from studio.models.reference import BUILTIN_FOLDER
from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import new_run
from studio.service import Studio
from studio.workspace import Workspace

SHAPE = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
RANK = 16
TASK, STEPS, LONG = "studio003_past_tense", 50, "Maria walks to the garden and the cook sings in the kitchen."
MERGEKIT = """
merge_method: task_arithmetic
base_model: {base}
models:
  - {{model: {base}+{first}, parameters: {{weight: 0.7}}}}
  - {{model: {base}+{second}, parameters: {{weight: 0.7}}}}
dtype: bfloat16
"""


def measure() -> list[Figure]:
    """Seconds and memory of a merge and an export; tokens a second in llama.cpp and in a page."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("STUDIO_BENCH_DISK")) as home:
        return [*measure_large(Path(home)), *measure_small(Path(home))]


def measure_large(home: Path) -> Iterator[Figure]:
    """Merge two adapters and export one, of a billion weights."""
    told = run_python("-m", "bench.exporting", "make", str(home))
    base, parents = told["base"], told["parents"]
    adapters = [find_adapter(home, parent) for parent in parents]
    theirs = merge_by_mergekit(home, base, *map(str, adapters))
    name = "mergekit, whole model" if theirs else ""
    for result, title in (("full", "a whole model"), ("exact", "an adapter")):
        order = {"way": "task_arithmetic", "parents": [{"model": each, "weight": 0.7} for each in parents]}
        found = run_python("-m", "bench.exporting", "merge", str(home), json.dumps({**order, "result": result}))
        for unit, part in (("s", "seconds"), ("MB", "peak_mb")):
            what = "time" if unit == "s" else "most memory"
            yield Figure(f"two r=16 adapters of 1B, {title}: {what}", found[part], unit, theirs.get(part), name)
    ours, plain = (
        run_python("-m", "bench.exporting", how, str(home), json.dumps([base, parents[0], str(adapters[0])]))
        for how in ("export", "plain")
    )
    yield Figure("1B merged to bf16 files", ours["seconds"], "s", plain["seconds"], "peft and save_pretrained")
    yield Figure("1B merged, most memory", ours["peak_mb"], "MB", plain["peak_mb"], "peft and save_pretrained")


def find_adapter(home: Path, parent: str) -> Path:
    """Return the folder of what a run made in its first step."""
    return home / "runs" / parent.removeprefix("run:").partition("@")[0] / "checkpoints" / "step-1"


def merge_by_mergekit(home: Path, base: str, first: str, second: str) -> dict[str, float]:
    """Return seconds and megabytes of mergekit on the same files, {} where it isn't here."""
    python = os.environ.get("STUDIO_MERGEKIT", "")
    if not python:
        return {}
    (home / "order.yaml").write_text(MERGEKIT.format(base=base, first=first, second=second))
    script = Path(python).with_name("mergekit-yaml")
    command = [str(script), str(home / "order.yaml"), str(home / "theirs"), "--lora-merge-cache", str(home / "cache")]
    return run_python("-m", "bench.exporting", "run", json.dumps([*command, "--no-copy-tokenizer"]))


# ---- what runs in a process of its own ----


def make(home: str) -> dict[str, Any]:
    """Write the base and two runs that learned random numbers."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    base, workspace = Path(home) / "base", Workspace(home)
    config = AutoConfig.for_model("llama", **SHAPE, tie_word_embeddings=True, max_position_embeddings=4096)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(base)
    for file in BUILTIN_FOLDER.glob("tokenizer*"):
        shutil.copy(file, base)
    return {"base": str(base), "parents": [make_parent(workspace, base) for _ in range(2)]}


def make_parent(workspace: Workspace, base: Path) -> str:
    """Write a run that made an adapter in one step; return its address."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    method = {"name": "lora", "rank": RANK, "alpha": RANK}
    recipe = read_recipe({"model": str(base), "task_id": TASK, "method": method, "precision": "bf16"})
    run = new_run(workspace, recipe, "")
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), config)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.01)
    folder = run.folder / "made"
    model.save_pretrained(folder)
    (folder / "recipe.json").write_text(json.dumps(recipe.to_json()))
    run.keep_checkpoint(folder, 1)
    with EventWriter(run.events_file) as events:
        events.append("started", pid=os.getpid(), resumed_from=None)
        events.append("finished", step=1)
    return f"run:{run.run_id}@1"


def timed(act: Callable[[], Any]) -> dict[str, float]:
    """Return how long something took, and the most memory that this process and those it ran ever held."""
    began = time.perf_counter()
    act()
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": time.perf_counter() - began, "peak_mb": most * 1024 / 1e6}


def run_command(command: str) -> dict[str, float]:
    """Run another program to its end."""
    import subprocess

    return timed(lambda: subprocess.run(json.loads(command), check=True, stdout=subprocess.DEVNULL))


def merge(home: str, order: str) -> dict[str, float]:
    """Merge as an order says, in this process."""
    return timed(lambda: Studio(Workspace(home), InlineLauncher()).merges.merge(json.loads(order)))


def export(home: str, asked: str) -> dict[str, float]:
    """Export a run as merged weights, in this process."""
    studio, (_, parent, _) = Studio(Workspace(home), InlineLauncher()), json.loads(asked)
    return timed(lambda: studio.exports.export(parent, "merged"))


def save_plainly(home: str, asked: str) -> dict[str, float]:
    """Do what a program would without the studio."""
    base, _, adapter = json.loads(asked)

    def act() -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
        PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(Path(home) / "plain")
        AutoTokenizer.from_pretrained(base).save_pretrained(Path(home) / "plain")

    return timed(act)


# ---- the built-in base, away from the studio ----


def measure_small(home: Path) -> Iterator[Figure]:
    """Tokens a second of the built-in base, tuned, in llama.cpp and in a browser."""
    studio = Studio(Workspace(home / "small"), InlineLauncher())
    training = {"max_steps": STEPS, "measures_itself": False, "sample_every": 0, "evaluate_every": 0}
    run = studio.start_run({"task_id": TASK, "training": training})
    studio.scheduler.start_next()
    model = f"run:{run}@{STEPS}"
    if find_spec("xllamacpp"):
        for numbers in ("f16", "q8_0"):
            file = studio.exports.export(model, "gguf", {"numbers": numbers})
            speed = run_python("-m", "bench.exporting", "llama", str(file), LONG, PYTHONPATH=os.pathsep.join(sys.path))
            size = f"{file.stat().st_size / 1e6:.1f} MB"
            yield Figure(f"llama.cpp, built-in base as {numbers} ({size})", speed["tokens_a_second"], "tokens/s")
    with suppress(ImportError):
        yield from measure_page(studio.exports.export(model, "page"), home / "page")


def ask_llama(file: str, prompt: str) -> dict[str, float]:
    """Have llama.cpp write 128 tokens on one thread, whatever it thinks of them; of three times the best counts."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = file
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads, params.warmup = 1024, 1, 1, False
    server = Server(params)
    asked = json.dumps({"prompt": prompt, "n_predict": 128, "temperature": 0, "ignore_eos": True}).encode()
    found = []
    for _ in range(3):
        request = Request(f"{server.listening_address}/completion", asked, {"content-type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            found.append(float(json.load(answer)["timings"]["predicted_per_second"]))
    return {"tokens_a_second": max(found)}


def measure_page(file: Path, folder: Path) -> Iterator[Figure]:
    """Ask the page that was exported three times, with the network off."""
    from playwright.sync_api import sync_playwright

    shutil.unpack_archive(file, folder)
    (page_file,) = folder.rglob("index.html")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.goto(page_file.as_uri())
        found = []
        for count in range(1, 4):
            page.locator("#prompt").fill(LONG)
            page.locator("#ask button").click()
            page.locator(f'body[data-answers="{count}"]').wait_for(timeout=120_000)
            found.append(float((page.locator("#speed").text_content() or "0").split()[0]))
        browser.close()
    yield Figure("a page that answers, built-in base", max(found), "tokens/s")
    yield Figure("a page that answers, its size", page_file.stat().st_size / 1e6, "MB")


ACTS: dict[str, Callable[..., Any]] = {
    "make": make,
    "merge": merge,
    "export": export,
    "plain": save_plainly,
    "run": run_command,
    "llama": ask_llama,
}

if __name__ == "__main__":
    print(json.dumps(ACTS[sys.argv[1]](*sys.argv[2:])))
