"""How soon the exact count follows the rank slider: in Chromium, on the real page, for a model of eight billion.

From the slider's own event to the new number on the page; every rank is one that was not asked for before.
"""

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import torch
from playwright.sync_api import sync_playwright
from transformers import AutoConfig, AutoModelForCausalLM

from bench.count import SHAPES
from bench.figure import Figure, serve
from studio.models.reference import BUILTIN_FOLDER

RANKS = (9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
SLIDE = """rank => new Promise(done => {
  const slider = document.getElementById("method-rank-slider"), numbers = document.getElementById("numbers");
  const read = () => numbers.querySelector(".hero")?.textContent, before = read(), began = performance.now();
  const watcher = new MutationObserver(() => {
    if (read() && read() !== before) { watcher.disconnect(); done(performance.now() - began); }
  });
  watcher.observe(numbers, { childList: true, subtree: true, characterData: true });
  slider.value = rank;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def measure() -> list[Figure]:
    """Milliseconds from the slider to the number, the median and the slowest of twenty."""
    with tempfile.TemporaryDirectory() as home, serve(f"{home}/studio") as (address, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/?{urlencode({'step': 'method', 'recipe': json.dumps(write_recipe(Path(home) / '8B'))})}")
        page.locator("#numbers .hero", has_text=",").wait_for(timeout=120_000)
        page.wait_for_timeout(3000)  # a person looks at the page first
        page.evaluate(SLIDE, 31)
        waits = []
        for rank in RANKS:
            page.wait_for_timeout(300)
            waits.append(page.evaluate(SLIDE, rank))
        browser.close()
    return [
        Figure("rank slider to the new count, 8B", statistics.median(waits), "ms", target="within 100 ms"),
        Figure(f"rank slider to the new count, 8B, the slowest of {len(waits)}", max(waits), "ms"),
    ]


def write_recipe(folder: Path) -> dict[str, object]:
    """Make a folder of a model of eight billion parameters, its weights a hole in a file; return a recipe on it."""
    folder.mkdir()
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **SHAPES["8B"]}
    (folder / "config.json").write_text(json.dumps(config))
    write_hole(folder)
    for file in BUILTIN_FOLDER.glob("tokenizer*"):
        shutil.copy(file, folder)
    return {"model": str(folder), "task_id": "studio002_question", "method": {"name": "lora", "rank": 8}}


def write_hole(folder: Path) -> None:
    """Write the weights that a config tells of: their names and shapes, and a hole of their size, of no cost."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    told, end = {}, 0
    for name, weight in model.state_dict().items():
        begin, end = end, end + 2 * weight.numel()
        told[name] = {"dtype": "BF16", "shape": list(weight.shape), "data_offsets": [begin, end]}
    header = json.dumps(told).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)
