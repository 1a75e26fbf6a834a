"""Encoders of the hub: a text lies where sentence-transformers puts it, few labels and pairs are learnt on them, and
what asks for words is refused in words.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from telling import raises, tells
from tiny import import_task, read_all, train, write_recipe

from studio.answering.embedding import embed, place_whole
from studio.errors import ModelError, RecipeError
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.facts import describe_model
from studio.models.loading import load_base, load_tokenizer
from studio.models.reference import ENCODER, ModelRef
from studio.objectives.embedding import encode_text
from studio.precisions import PRECISIONS
from studio.recipes.recipe import read_recipe
from studio.service import Studio
from studio.workspace import Workspace

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,"
TEXTS = ("red 1", "a green one, and a blue one.", "x")
KINDS = {
    "bert": ("BertModel", {"num_attention_heads": 2}),
    "xlm-roberta": ("XLMRobertaForMaskedLM", {"num_attention_heads": 2, "pad_token_id": 0, "type_vocab_size": 1}),
    "mpnet": ("MPNetModel", {"num_attention_heads": 2, "pad_token_id": 0}),
    "modernbert": ("ModernBertModel", {"num_attention_heads": 2, "pad_token_id": 0, "global_attn_every_n_layers": 1}),
    "distilbert": ("DistilBertModel", {"dim": 32, "hidden_dim": 64, "n_heads": 2, "n_layers": 2}),
}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 130}


def make_encoder(folder: Path, kind: str) -> Path:
    """Make an encoder with random weights, and a tokenizer of letters that puts its marks around a text."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *("##" + letter for letter in LETTERS)]
    numbers = {word: place for place, word in enumerate(words)}
    own = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    own.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=own, mask_token="[MASK]", **named).save_pretrained(folder)
    name, changes = KINDS[kind]
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(words), **{**SIZES, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(transformers, name)(config).save_pretrained(folder)
    return folder


def load(folder: Path) -> tuple[Any, Any]:
    """Return the model of a folder in 32 bits, and its tokenizer."""
    return load_base(folder, PRECISIONS.find("fp32")(), find_device()), load_tokenizer(folder)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoders") / "bert", "bert")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A studio with a task of colours; it starts no process."""
    workspace = Workspace(tmp_path_factory.mktemp("house"))
    colours = ("Red", "green")
    rows = [{"id": f"c{n}", "input": f"{colours[n % 2].lower()} {n}", "output": [colours[n % 2]]} for n in range(60)]
    import_task(workspace, "colours", Instances=rows)
    return Studio(workspace, launcher=InlineLauncher())


@pytest.mark.parametrize("kind", ["bert", *(pytest.param(kind, marks=pytest.mark.long) for kind in [*KINDS][1:])])
def test_a_text_lies_where_sentence_transformers_puts_it(kind: str, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = make_encoder(tmp_path, kind)
    reader = Transformer(str(folder), model_kwargs={"dtype": "float32"})
    theirs = SentenceTransformer(modules=[reader, Pooling(32, "mean")], device="cpu").encode(list(TEXTS))
    model, tokenizer = load(folder)
    rows = [encode_text(text, tokenizer) for text in TEXTS]
    assert embed(model, rows) == pytest.approx(theirs, abs=2e-5)
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in rows])
    with torch.no_grad():
        together = place_whole(model, ids, torch.tensor([len(row) for row in rows]))
    assert together.numpy() == pytest.approx(theirs, abs=2e-5)
    assert describe_model(ModelRef(ref=str(folder))).hidden_size == 32


@pytest.mark.parametrize(
    "method", [{"name": "lora", "rank": 4}, pytest.param({"name": "full"}, marks=pytest.mark.long)]
)
def test_few_labels_are_learnt_on_an_encoder(house: Studio, bert: Path, method: dict[str, Any]) -> None:
    told = {"objective": {"name": "setfit", "shots": 6}, "method": method}
    run = train(house.workspace, write_recipe(bert, "colours", **told, training={"measures_itself": True}))
    assert read_all(run)[-1]["event"] == "finished", read_all(run)[-1]
    answers = house.ask(run.run_id, "red 3")
    assert answers.tuned in ("Red", "green"), "a choice keeps its letters, whatever its tokens lose"
    assert "encoder" in answers.base
    assert house.score(run.run_id).tuned.exact_match >= 50


def test_what_asks_for_words_is_refused(house: Studio, bert: Path) -> None:
    for name in ("sft", "pretrain", "dpo"):
        recipe = read_recipe(write_recipe(bert, "colours", objective={"name": name}))
        with raises(RecipeError) as told:
            house._foreign.check_fits(recipe)
        assert told.value.field == "objective.name" and tells(told.value, "encoder SetFit")
    told = {"objective": {"name": "setfit"}, "method": {"name": "prompt"}}
    with raises(RecipeError) as refused:
        house.start_run(write_recipe(bert, "colours", **told))
    assert refused.value.field == "method.name"


@pytest.mark.parametrize("name", ["sft", "dpo", "reward", "ppo"])
def test_the_built_in_encoder_is_not_taught_to_write(house: Studio, name: str) -> None:
    recipe = read_recipe({"model": ENCODER, "task_id": "colours", "objective": {"name": name}})
    with raises(RecipeError, "encoder contrastive SetFit base") as told:
        house._foreign.check_fits(recipe)
    assert told.value.field == "objective.name"


def test_where_a_folder_says_to_put_texts_is_kept_to(bert: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert, tmp_path / "bert")
    modules = [
        {"type": f"sentence_transformers.models.{name}", "path": path}
        for name, path in (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    for pooling, fits in (("cls", False), ("mean", True)):
        said = {f"pooling_mode_{name}_token{'s' * (name == 'mean')}": name == pooling for name in ("cls", "mean")}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
        if fits:
            model, tokenizer = load(folder)
            assert np.isfinite(embed(model, [encode_text(TEXTS[0], tokenizer)])).all()
            continue
        with raises(ModelError) as told:
            load_tokenizer(folder)
        assert tells(told.value, "cls_token mean")
    (folder / "modules.json").write_text(json.dumps([*modules, {"type": "sentence_transformers.models.Dense"}]))
    with raises(ModelError) as told:
        load_tokenizer(folder)
    assert tells(told.value, "Dense")
