"""What is taken away works without the studio: the same logits, the same losses, the same prompt to the last letter."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hub import READING, RIGHT, Hub
from hub import serve as serve_hub
from telling import raises, tells
from tiny import import_task, losses, read_all, train, train_quickly, write_recipe

from studio.__main__ import main
from studio.answering.column import make_column
from studio.answering.columns import Columns
from studio.checkpoints.address import resolve
from studio.errors import DeviceError, InputError, ModelError, NotFoundError, RecipeError
from studio.exporting import FORMS
from studio.exporting.asked import Asked, find_asked
from studio.exporting.form import Source
from studio.exporting.gguf import find_cut, find_obstacle
from studio.exporting.notebook import cut_in_cells
from studio.exporting.ollama import write_modelfile
from studio.exporting.script import TEXT
from studio.launchers.inline import InlineLauncher
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.loading import find_model_folder, load_tokenizer
from studio.models.reference import BUILTIN, ModelRef
from studio.objectives.objective import encode_asked
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.ui.steps.compare import take_away
from studio.ui.widgets.server_act import bind_acts
from studio.works.export import Export
from studio.workspace import Workspace

IDS = [1, *b"Add the numbers."]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, Run]:
    """Runs of several methods on one base, one of them on top of another."""
    workspace = Workspace(tmp_path_factory.mktemp("exports"))
    import_task(workspace)
    gently = {"max_steps": 4, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.005}
    runs = {
        "lora": train(workspace, write_recipe(tiny_model)),
        "ia3": train_quickly(workspace, tiny_model, method="ia3"),
        "full": train_quickly(workspace, tiny_model, method="full", training=gently),
        "layernorm": train_quickly(workspace, tiny_model, method="layernorm"),
    }
    runs["above"] = train_quickly(workspace, Path(f"run:{runs['lora'].run_id}@8"))
    return runs


@pytest.fixture
def studio(runs: dict[str, Run]) -> Studio:
    return Studio(Workspace(runs["lora"].folder.parents[1]), InlineLauncher())


def unpack(file: Path, into: Path) -> Path:
    """Return the folder that an export's ZIP holds."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(into)
    return into / file.stem


def read_tuned(studio: Studio, run: Run) -> Any:
    """Return the logits of the studio's tuned column."""
    import torch

    stack = resolve(studio.workspace, ModelRef(ref=f"run:{run.run_id}"))
    columns = Columns(find_device())
    columns.arrange([make_column(stack, run.load_recipe())])
    with columns.enter(0) as model, torch.no_grad():
        return model(input_ids=torch.tensor([IDS])).logits


def read_losses(said: list[str]) -> dict[str, list[float]]:
    """Return the losses that a stranger printed of each script."""
    told = (line.split(" ", 2)[1:] for line in said if line.startswith("losses"))
    return {name: json.loads(losses) for name, losses in told}


STRANGER = Path(__file__).parent / "stranger.py"


def let_a_stranger_read(asked: list[tuple[str, str, str]], folder: Path) -> list[str]:
    """Have a program without the studio load what was unpacked into a folder; return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, str(STRANGER), json.dumps(asked), json.dumps(IDS)],
        cwd=folder, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.long
def test_every_method_leaves_with_its_logits_or_is_refused_in_words(tiny_model: Path, tmp_path: Path) -> None:
    import torch

    workspace = Workspace(tmp_path / "home")
    import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    short = {"max_steps": 2, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.01}
    cases: dict[str, dict[str, Any]] = {name: {"method": name} for name in METHODS.members}
    cases["nf4"] = {"precision": "nf4"}
    runs = {name: train_quickly(workspace, tiny_model, training=short, **given) for name, given in cases.items()}
    asked, left = [], set()
    for name, run in runs.items():
        offered = {one.form: one.refusal for one in studio.exports.list_forms(f"run:{run.run_id}")}
        for form in ("adapter", "merged"):
            if offered[form]:
                assert tells(offered[form], run.name)
                continue
            file = studio.exports.export(f"run:{run.run_id}", form, {"dtype": "fp32"} if form == "merged" else {})
            folder = unpack(file, tmp_path / f"{name}-{form}").rename(tmp_path / f"{name}.{form}")
            asked.append((folder.name, form, str(folder if form == "merged" else tiny_model)))
            left.add(name)
    let_a_stranger_read([each for each in asked if each[0] != "nf4.adapter"], tmp_path)
    for name, form, _ in asked:
        kind = name.partition(".")[0]
        if name != "nf4.adapter":
            found = torch.load(tmp_path / f"{name}-{form}.pt")[:, -len(IDS) :]
            bound = 5e-2 if kind in ("nf4", "bottleneck") else 5e-5
            assert (found - read_tuned(studio, runs[kind])[:, -len(IDS) :]).abs().max() < bound, name
    assert METHODS.members.keys() == left - {"nf4"}, "every method leaves in some form"
    assert {"bitfit.adapter", "bitfit.merged", "layernorm.adapter"} <= {name for name, _, _ in asked}


@pytest.mark.long
def test_a_program_without_the_studio_has_the_same_logits_and_losses(
    studio: Studio, runs: dict[str, Run], tiny_model: Path, tmp_path: Path
) -> None:
    import torch

    asked = []
    for name, forms in {
        "lora": ("adapter", "merged"),
        "ia3": ("adapter",),
        "full": ("merged",),
        "layernorm": ("merged",),
        "above": ("adapter", "merged"),
    }.items():
        for form in forms:
            options = {"dtype": "fp32", "shard_gb": 0.0001} if form == "merged" else {}
            file = studio.exports.export(f"run:{runs[name].run_id}", form, options)
            folder = unpack(file, tmp_path / f"{name}-{form}").rename(tmp_path / f"{name}.{form}")
            base = folder / "base" if (folder / "base").exists() else tiny_model
            asked.append((folder.name, form, str(folder if form == "merged" else base)))
    unpack(studio.exports.export(f"run:{runs['lora'].run_id}", "script"), tmp_path).rename(tmp_path / "script")
    said = let_a_stranger_read(asked, tmp_path)
    for name, form, _ in asked:
        wanted = read_tuned(studio, runs[name.partition(".")[0]])
        found = torch.load(tmp_path / f"{name}-{form}.pt")
        assert (found - wanted).abs().max() < 2e-5, (name, form)
    assert (tmp_path / "above.adapter" / "base").is_dir()
    assert len(list((tmp_path / "lora.merged").glob("*.safetensors"))) > 1
    assert read_losses(said)["script"] == pytest.approx(list(losses(read_all(runs["lora"])).values()), abs=2e-4)
    evaluated = {event["step"]: event["loss"] for event in read_all(runs["lora"]) if event["event"] == "evaluated"}
    again = [json.loads(line) for line in said if "validation_loss" in line]
    assert {line["step"]: line["validation_loss"] for line in again} == pytest.approx(evaluated, abs=2e-4)


NOT_REPEATED = {"bitfit", "bottleneck"}
"""What peft doesn't know."""
REPEATED: dict[str, Any] = {name: name for name in METHODS.members if name not in NOT_REPEATED} | {
    "pissa": {"name": "lora", "init": "pissa", "rank": 3},
    "plus": {"name": "lora", "plus_ratio": 8},
    "words": {"name": "prompt", "init": "text", "tokens": 6},
    "projected": {"name": "prefix", "projection": 16},
    "lstm": {"name": "ptuning", "network": "lstm", "width": 16},
}
"""Every method that a script repeats, and settings that change how it begins or goes on."""


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_script_has_the_losses_of_every_method_that_peft_knows(
    tiny_model: Path, tmp_path: Path, workspace: Workspace
) -> None:
    import torch

    import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    gently = {"max_steps": 6, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.005}
    runs = {
        name: train_quickly(workspace, tiny_model, training=gently, method=method) for name, method in REPEATED.items()
    }
    for name, run in runs.items():
        file = studio.exports.export(f"run:{run.run_id}", "script")
        unpack(file, tmp_path / f"{name}-script").rename(tmp_path / f"script.{name}")
    told = read_losses(let_a_stranger_read([], tmp_path))
    for name, run in runs.items():
        assert told[f"script.{name}"] == pytest.approx(list(losses(read_all(run)).values()), abs=2e-4), name
    adapters = {name: str(tmp_path / f"script.{name}" / "trained") for name in ("pissa", "prefix", "layernorm")}
    for name, folder in adapters.items():
        Path(folder).rename(tmp_path / name)
    let_a_stranger_read([(name, "adapter", str(tiny_model)) for name in adapters], tmp_path)
    for name in adapters:
        found = torch.load(tmp_path / f"{name}-adapter.pt")[:, -len(IDS) :]
        assert (found - read_tuned(studio, runs[name])).abs().max() < 2e-3, name
    for name in NOT_REPEATED:
        own = train_quickly(workspace, tiny_model, training=gently, method=name)
        with raises(RecipeError, f"{METHODS.members[name].title} recipe", field="form"):
            studio.exports.start(f"run:{own.run_id}", "script")


@pytest.mark.long
def test_new_biases_leave_as_a_lora_and_as_weights(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from gguf import GGUFReader
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    quick = {"max_steps": 2, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.05}
    run = train_quickly(studio.workspace, tiny_model, method="bitfit", training=quick)
    adapter = unpack(studio.exports.export(f"run:{run.run_id}", "adapter"), tmp_path)
    merged = unpack(studio.exports.export(f"run:{run.run_id}", "merged", {"dtype": "fp32"}), tmp_path)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    plain = base(input_ids=torch.tensor([IDS])).logits
    for model in (PeftModel.from_pretrained(base, adapter), AutoModelForCausalLM.from_pretrained(merged)):
        with torch.no_grad():
            found = model.eval()(input_ids=torch.tensor([IDS])).logits
        assert (found - read_tuned(studio, run)).abs().max() < 2e-5 < 1e-3 < (found - plain).abs().max()
    assert (
        json.loads((merged / "config.json").read_text())["mlp_bias"]
        and "lora_bias" in (adapter / "README.md").read_text()
    )
    file = studio.exports.export(f"run:{run.run_id}", "gguf", {"numbers": "f32"})
    assert {"blk.0.attn_q.bias", "blk.1.ffn_down.bias"} <= {each.name for each in GGUFReader(file).tensors}


def test_a_bottleneck_leaves_as_the_nearest_lora_and_says_how_near(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    quick = {"max_steps": 6, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.02}
    run = train_quickly(studio.workspace, tiny_model, method={"name": "bottleneck", "size": 4}, training=quick)
    folder = unpack(studio.exports.export(f"run:{run.run_id}", "adapter"), tmp_path)
    losses = [float(each) for each in re.findall(r"\d+\.\d{4}", (folder / "README.md").read_text())]
    assert len(losses) == 3
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    with torch.no_grad():
        plain = base(input_ids=torch.tensor([IDS])).logits
        found = PeftModel.from_pretrained(base, folder).eval()(input_ids=torch.tensor([IDS])).logits
    tuned = read_tuned(studio, run)
    assert (found - tuned).norm() < 0.5 * (plain - tuned).norm() and abs(losses[2] - losses[1]) < losses[0] - losses[1]


def test_merged_says_where_answers_end(studio: Studio, runs: dict[str, Run], tmp_path: Path) -> None:
    file = studio.exports.export(f"run:{runs['lora'].run_id}", "merged")
    folder = unpack(file, tmp_path)
    config, ends = (json.loads((folder / name).read_text()) for name in ("config.json", "generation_config.json"))
    assert config["dtype"] == "bfloat16" and ends["eos_token_id"] in (2, [2]) and ends["pad_token_id"] == 0
    assert (
        "base_model:" in (folder / "README.md").read_text() and str(tmp_path) not in (folder / "README.md").read_text()
    )
    lines = next(one.code for one in studio.exports.list_forms(f"run:{runs['lora'].run_id}") if one.form == "merged")
    assert lines in (folder / "README.md").read_text(), "the page and the README load it alike"
    assert file.name == f"{runs['lora'].name}-8-merged.zip"
    assert studio.exports.export(f"run:{runs['lora'].run_id}@8", "merged") == file, "it is written once"


def test_the_script_is_the_tested_file_and_its_data_is_text(
    studio: Studio, runs: dict[str, Run], tmp_path: Path
) -> None:
    folder = unpack(studio.exports.export(f"run:{runs['lora'].run_id}", "notebook"), tmp_path)
    book = json.loads((folder / "train.ipynb").read_text())
    code = [cell["source"] for cell in book["cells"] if cell["cell_type"] == "code"]
    assert "'steps': 8" in code[0] and sum("def train(" in cell for cell in code) == 1
    assert cut_in_cells(TEXT)["nbformat"] == 4 and "studio" not in "".join(code).lower()
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    assert len(lines) == 48 and all(line["completion"].strip().isdigit() and not line["input_ids"] for line in lines)
    file = studio.exports.export(f"run:{runs['ia3'].run_id}", "recipe")
    assert json.loads(file.read_text()) == runs["ia3"].load_recipe().to_public().to_json() and file.suffix == ".json"
    page = studio.exports.export(f"run:{runs['lora'].run_id}@4", "report")
    assert page.suffix == ".html" and page.read_text().count("<svg") >= 1 and runs["lora"].name in page.read_text()
    card = studio.exports.export(f"run:{runs['lora'].run_id}", "report", {"written": "markdown"})
    assert card.suffix == ".md" and f"# {runs['lora'].name}" in card.read_text()


FORMS_OF = {
    "lora": ("adapter", "merged", "ollama", "recipe", "script", "notebook", "report", "page"),
    "full": ("merged", "recipe"),
}


def read_files(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file of an export."""
    if file.suffix != ".zip":
        yield file.name, file.read_bytes()
        return
    with zipfile.ZipFile(file) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())


def test_no_export_says_where_anything_lies_here(studio: Studio, runs: dict[str, Run], tiny_model: Path) -> None:
    places = [str(place).encode() for place in (tiny_model, studio.workspace.folder, Path.home())]
    asked = [(name, form, {}) for name, forms in FORMS_OF.items() for form in forms]
    for name, form, options in [*asked, ("lora", "report", {"written": "markdown"})]:
        for inside, content in read_files(studio.exports.export(f"run:{runs[name].run_id}", form, options)):
            found = [place for place in places if place in content]
            assert not found, f"{inside} of {form} names {found}"
    recipe = json.loads(studio.exports.export(f"run:{runs['ia3'].run_id}", "recipe").read_text())
    assert recipe["model"] == f"./{tiny_model.name}"


def render(modelfile: str, prompt: str) -> str:
    """Return what Ollama's template makes of a prompt, as far as Modelfiles of ours use templates."""
    template = re.search(r'TEMPLATE """(.*?)"""\n', modelfile, re.DOTALL)
    assert template

    def fill(found: re.Match[str]) -> str:
        return prompt if found[1] == ".Prompt" else str(json.loads(found[1]))

    return re.sub(r"\{\{ (.*?) \}\}", fill, template[1])


def test_the_modelfile_asks_as_training_did(studio: Studio, runs: dict[str, Run]) -> None:
    source = Source(
        studio.workspace, resolve(studio.workspace, ModelRef(ref=f"run:{runs['lora'].run_id}")), find_device()
    )
    recipe, task = source.made.recipe, studio.load_task(source.made.recipe.task_id)
    tokenizer = load_tokenizer(Path(recipe.model))
    asked = find_asked(source)
    for instance in task.instances[:3]:
        text = render(write_modelfile(asked), instance.input)
        assert tokenizer(text)["input_ids"] == encode_asked(recipe.objective, task, instance, tokenizer)
        dialogue = recipe.objective.write_dialogue(task, instance).before_answer()
        assert (
            text == recipe.objective.write_prompt(task, dialogue, tokenizer).rstrip(" ") == asked.write(instance.input)
        )
    written = write_modelfile(asked)
    assert 'PARAMETER stop "</s>"' in written and "PARAMETER num_ctx 512" in written
    odd = Asked('{{ .System }} """', "{{}}", ("<|end|>", "</s>"), None)
    assert render(write_modelfile(odd), "1") == odd.write("1") and write_modelfile(odd).count("stop") == 2


def test_gguf_holds_the_merged_weights(studio: Studio, runs: dict[str, Run], tmp_path: Path) -> None:
    import gguf
    from safetensors.torch import load_file

    merged = unpack(studio.exports.export(f"run:{runs['lora'].run_id}", "merged", {"dtype": "fp32"}), tmp_path)
    wanted = load_file(merged / "model.safetensors")
    folder = unpack(studio.exports.export(f"run:{runs['lora'].run_id}", "ollama", {"numbers": "f32"}), tmp_path)
    found = {tensor.name: tensor for tensor in gguf.GGUFReader(folder / "model.gguf").tensors}
    assert len(found) == len(wanted) and (folder / "Modelfile").exists()
    down = wanted["model.layers.1.mlp.down_proj.weight"].numpy()
    assert (found["blk.1.ffn_down.weight"].data == down).all()
    query = wanted["model.layers.0.self_attn.q_proj.weight"].numpy()
    assert (found["blk.0.attn_q.weight"].data[1] == query[4]).all(), "halves of a head of eight are neighbours"
    file = studio.exports.export(f"run:{runs['lora'].run_id}", "gguf")
    assert file.suffix == ".gguf" and file.stat().st_size < (folder / "model.gguf").stat().st_size / 2


@pytest.mark.long
def test_llama_cpp_reads_and_writes_what_the_studio_does(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    from llama import drop_ends, serve

    workspace = Workspace(tmp_path)
    quiet = {"max_steps": 20, "batch_size": 8, "evaluate_every": 0, "sample_every": 0, "measures_itself": False}
    run = train(workspace, {"task_id": "studio003_past_tense", "training": {**quiet, "save_every": 10}})
    studio, model = Studio(workspace, InlineLauncher()), f"run:{run.run_id}@20"
    parents = [{"model": f"run:{run.run_id}@{step}", "weight": 0.5} for step in (10, 20)]
    merged = studio.merges.merge({"way": "linear", "parents": parents}).address
    asked = find_asked(Source(workspace, resolve(workspace, ModelRef(ref=model)), find_device()))
    tokenizer = load_tokenizer(find_model_folder(ModelRef(ref=BUILTIN)))
    texts = (
        "1234 and 5.6!",
        "  two  blanks ",
        "a\n\nb\t c",
        "naïve café 😀 日本",
        "it's we're I'LL",
        asked.write("Go."),
    )
    prompts = [instance.input for instance in studio.test_set(run.run_id)[:4]]
    said = [studio.ask(run.run_id, each, [merged], step=20, max_tokens=24).columns for each in prompts]
    for place, address in ((1, model), (2, merged)):
        with serve(studio.exports.export(address, "gguf", {"numbers": "f16"})) as llama:
            assert [llama.tokenize(text) for text in texts] == [tokenizer(text)["input_ids"] for text in texts]
            for prompt, columns in zip(prompts, said, strict=True):
                written = drop_ends(llama.write(asked.write(prompt), 24), {tokenizer.eos_token_id})
                assert written == drop_ends(list(columns[place].tokens), {tokenizer.eos_token_id}), prompt
                assert tokenizer.decode(written, skip_special_tokens=True).strip() == columns[place].answer.strip()


def test_what_can_not_be_exported_is_told_in_words(studio: Studio, runs: dict[str, Run]) -> None:
    lora, own, full = (f"run:{runs[name].run_id}" for name in ("lora", "layernorm", "full"))
    for model, form, options, kind, facts, field in (
        (full, "adapter", {}, ModelError, "whole merged", "form"),
        (own, "page", {"numbers": "q4"}, RecipeError, "q4 f16", "form.numbers"),
        (str(runs["lora"].load_recipe().model), "recipe", {}, ModelError, "run:brave-otter@120", "model"),
        (lora, "zip", {}, RecipeError, "adapter merged gguf", "form.name"),
        (lora, "gguf", {"numbers": "q9"}, RecipeError, "q9 q8_0", "form.numbers"),
        (lora, "merged", {"shard_gb": 0}, RecipeError, "shard_gb 50", "form.shard_gb"),
        (lora, "merged", [1], InputError, "options", "options"),
        (lora, "page", {"numbers": "q8_0"}, RecipeError, "q8_0 f16", "form.numbers"),
        ("run:gone", "merged", {}, NotFoundError, "gone", "model"),
        ("", "merged", {}, InputError, "run:brave-otter@120", "model"),
    ):
        with raises(kind, facts, field=field):
            studio.exports.start(model, form, options)
    offered = {one.form: one for one in studio.exports.list_forms(full)}
    assert offered.keys() == FORMS.members.keys() and offered["adapter"].refusal and not offered["merged"].refusal
    whole = {one.form: one.size for one in studio.exports.list_forms(lora)}
    assert whole["recipe"] is None and 0 < (whole["gguf"] or 0) < (whole["merged"] or 0) < (whole["page"] or 0)
    assert (whole["adapter"] or 0) > 10_000
    said = [
        next(one.summary for one in studio.exports.list_forms(f"run:{runs[name].run_id}") if one.form == "adapter")
        for name in ("lora", "above")
    ]
    assert tells(said[1], "MB % base") and tells(said[0], "MB %") and not tells(said[0], "base")
    lines = {one.form: one.code for one in studio.exports.list_forms(lora) if one.code}
    assert lines.keys() == {"adapter", "merged"} and "PeftModel.from_pretrained" in lines["adapter"]
    assert all(ast.parse(code) for code in lines.values())
    assert all(one.purpose and one.summary.endswith(".") for one in offered.values())


def test_gguf_refuses_what_it_would_write_wrongly(studio: Studio, runs: dict[str, Run]) -> None:
    source = Source(
        studio.workspace, resolve(studio.workspace, ModelRef(ref=f"run:{runs['lora'].run_id}")), find_device()
    )
    assert tells(find_obstacle({"model_type": "gpt2"}), "gpt2")
    assert find_obstacle({"model_type": "llama", "rope_parameters": {"rope_type": "llama3"}})
    assert not find_obstacle({"model_type": "llama", "rope_parameters": {"rope_type": "default"}})
    with raises(ModelError, "convert_hf_to_gguf.py", field="form"):
        find_cut(source, {"pre_tokenizer": {"type": "Metaspace"}, "model": {"type": "BPE"}}, "q8_0")


def test_a_deleted_run_ends_its_export_in_words(studio: Studio, runs: dict[str, Run], tmp_path: Path) -> None:
    work = Export(model=f"run:{runs['lora'].run_id}@3", form="merged").queue(studio.workspace)
    InlineLauncher().launch(studio.workspace, work)
    assert tells(studio.run_status(work.run_id).error, "3")
    assert not list(work.folder.glob("export*")) and not (work.folder / ".export").exists()
    with raises(NotFoundError, work.name):
        studio.exports.find_file(work.run_id)


def test_two_exports_at_once_are_one_where_they_are_equal(studio: Studio, runs: dict[str, Run]) -> None:
    model = f"run:{runs['lora'].run_id}@4"
    asked = [studio.exports.start(model, "gguf", {"numbers": numbers}) for numbers in ("f16", "f32", "f16")]
    assert asked[0] == asked[2] != asked[1]
    while studio.scheduler.start_next():
        continue
    files = [studio.exports.find_file(work) for work in asked]
    assert files[0] == files[2] and files[0].stat().st_size < files[1].stat().st_size


def test_the_command_line_writes_the_file(
    runs: dict[str, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.queueing.scheduler.ProcessLauncher", InlineLauncher)
    workspace = str(runs["lora"].folder.parents[1])
    given = ["--workspace", workspace, "export", f"run:{runs['lora'].run_id}", "gguf", "--option", "numbers=f16"]
    assert main([*given, "--to", str(tmp_path)]) == 0
    printed = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert printed.parent == tmp_path and printed.read_bytes()[:4] == b"GGUF"
    assert main([*given, "--to", str(tmp_path / "no" / "where")]) == 2
    assert tells(capsys.readouterr().err, "where")
    assert find_run(Workspace(workspace), runs["lora"].run_id).is_there() and shutil.which("nothing") is None


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this computer, where models are pushed to."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with serve_hub() as served:
        monkeypatch.setattr("studio.service.export_desk.ExportDesk.endpoint", served.address)
        yield served


def test_a_model_is_pushed_privately_and_whole_or_not_at_all(
    studio: Studio, runs: dict[str, Run], hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, token = f"run:{runs['lora'].run_id}", RIGHT
    assert studio.exports.push(model, "adapter", "me/sums", token) == f"{hub.address}/me/sums"
    pushed = hub.look("me/sums")
    assert pushed["visibility"] == "private" and {"adapter_config.json", "README.md"} <= pushed["files"].keys()
    kept = runs["lora"].find_checkpoint() / "adapter_model.safetensors"
    assert pushed["files"]["adapter_model.safetensors"] == kept.read_bytes()
    hub.change(breaks=["/commit/"])
    with raises(DeviceError, "again", field="repo") as broken:
        studio.exports.push(model, "adapter", "me/other", token, private=False)
    assert hub.look("me/other") == {"visibility": "private", "files": {}}, "nothing half-written is public"
    hub.change()
    studio.exports.push(model, "adapter", "me/other", token, private=False)
    assert hub.look("me/other")["visibility"] == "public" and hub.look("me/other")["files"]
    with raises(InputError, "me/other public", field="private"):
        studio.exports.push(model, "adapter", "me/other", token)
    for wrong, kind, field in (
        ("hf_wrong_token", InputError, "token"),
        (READING, InputError, "repo"),
        ("", InputError, "token"),
    ):
        with raises(kind, field=field) as refused:
            studio.exports.push(model, "adapter", "me/third", wrong)
        assert not wrong or wrong not in str(refused.value)
    with raises(InputError, "your-name/my-model", field="repo"):
        studio.exports.push(model, "adapter", "../x", token)
    card = pushed["files"]["README.md"].decode()
    assert "## Training data" in card and "Tiny sums" in card and "48" in card
    asked = {"model": model, "form": "adapter", "repo": "me/page", "token": token}
    assert take_away.push(studio, asked) == {"url": f"{hub.address}/me/page"}
    assert hub.look("me/page")["visibility"] == "private"
    assert take_away.push(studio, {**asked, "repo": "me/third", "token": "hf_wrong_token"})["field"] == "token"
    about = {"access_token": token, "expires_at": time.time() + 60, "userinfo": {"preferred_username": "ada"}}
    signed_in = SimpleNamespace(headers={}, request=SimpleNamespace(scope={"session": {"oauth_info": about}}))
    (act,) = bind_acts(studio, take_away.push)
    told = act({**asked, "repo": "me/signed", "token": ""}, signed_in)
    assert told == {"url": f"{hub.address}/me/signed"} and hub.look("me/signed")["visibility"] == "private"
    assert take_away.list_forms(studio, {"model": model}, signed_in)["name"] == "ada"
    assert take_away.list_forms(studio, {"model": model})["task"] == "tiny_sums"
    about["expires_at"] = time.time() - 1
    assert act({**asked, "token": ""}, signed_in)["field"] == act({**asked, "token": ""})["field"] == "token"
    url = studio.exports.push("tiny_sums", "data", "me/data", token)
    assert url.endswith("datasets/me/data") and len(hub.look("me/data")["files"]) == 2
    hub.change(dies=["/commit/"])
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the hub's library tries again and again
    for _ in range(2):  # it dies in the middle; then there is none
        with raises(DeviceError, "connection", field="repo"):
            studio.exports.push(model, "adapter", "me/sums", token)
    held = [
        path for path in studio.workspace.folder.rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]
    assert not held and token not in caplog.text + str(broken.value), "the token is kept nowhere"
    assert not list(studio.workspace.folder.rglob(".push-*"))
