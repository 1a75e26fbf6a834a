"""Base models: what is known without loading them, and each way in which a folder or an id can be wrong, in words."""

import json
import os
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from architectures import ARCHITECTURES, make_model
from huggingface_hub.utils import filter_repo_objects
from telling import raises, tells

from bench.slider import write_hole
from studio.apart.child import limit_memory
from studio.errors import ModelError
from studio.estimates.counting import find_shape
from studio.methods import METHODS
from studio.models import checking
from studio.models.architecture import LOCK, read_config_text
from studio.models.catalogue import CATALOGUE
from studio.models.device import find_device
from studio.models.facts import count_in_headers, describe_model, find_config_folder
from studio.models.hub import fetch_config_folder, fetch_model_folder
from studio.models.loading import find_context, find_model_folder, list_end_tokens, load_base, load_tokenizer
from studio.models.reference import BUILTIN, ENCODER, ModelRef, check_folder, read_config
from studio.precisions import PRECISIONS

FP32 = PRECISIONS.read("fp32")


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that may be spoiled."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def change_config(folder: Path, **values: Any) -> None:
    """Change some values of a config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def load(folder: Path) -> Any:
    """Find, check and load a model and its tokenizer, as a training does."""
    found = find_model_folder(ModelRef(ref=str(folder)))
    return load_base(found, FP32, find_device()), load_tokenizer(found)


def refuse(folder: Path) -> str:
    """Return the words with which a folder is refused."""
    with pytest.raises(ModelError) as told:
        load(folder)
    assert told.value.field == "model" and "\n" not in str(told.value)
    return str(told.value)


def test_the_facts_are_those_of_the_loaded_model(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    facts = describe_model(ModelRef(ref=str(folder)))
    model, _ = load(folder)
    assert facts.parameters == model.num_parameters()
    assert (facts.family, facts.layers, facts.hidden_size, facts.vocabulary) == ("llama", 2, 32, 260)
    assert facts.context == find_context(model) == 512
    assert (facts.title, facts.licence, facts.has_chat_template) == ("model", "apache-2.0", False)
    assert facts.size_bytes == sum(value.numel() * value.element_size() for value in model.parameters())
    assert find_device().judge(facts.needed_bytes) == "fits"
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert describe_model(ModelRef(ref=str(folder))).has_chat_template


@pytest.mark.parametrize("name", ["llama_tied", "gpt2", "gemma3_text"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sizes_are_read_from_the_headers(name: str, dtype: str, tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    make_model(name, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=getattr(torch, dtype))
    (tmp_path / "model.safetensors").rename(tmp_path / "consolidated.safetensors")  # as mistralai has them, too
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model*.safetensors"))) > 1
    numbers, size = count_in_headers(tmp_path)
    assert numbers == model.num_parameters() == sum(value.numel() for value in model.parameters())
    assert size == numbers * model.dtype.itemsize
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, tmp_path)
    facts = describe_model(ModelRef(ref=str(tmp_path)))
    assert facts.layers == ARCHITECTURES[name].get("num_hidden_layers", ARCHITECTURES[name].get("n_layer"))
    assert facts.hidden_size == 32 and facts.vocabulary == 260


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    assert tells(refuse(tmp_path / "gone"), f"{tmp_path}/gone")
    assert tells(refuse(tmp_path), f"{tmp_path} config.json")
    (tmp_path / "file").write_text("")
    assert tells(refuse(tmp_path / "file"), "folder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ("\xff", "JSON"),
        ("[]", "model_type"),
        ("null", "model_type"),
        ("{}", "model_type"),
        ('{"model_type": 5}', "model_type"),
    ],
)
def test_a_config_that_is_none(folder: Path, text: str, words: str) -> None:
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    assert tells(refuse(folder), words)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "T5ForConditionalGeneration"),
        ({"architectures": ["BertForMaskedLM"], "model_type": "bert"}, "no embeddings.LayerNorm.bias"),
        ({"architectures": "BertForMaskedLM"}, "BertForMaskedLM"),
        ({"architectures": 5}, "5"),
        ({"auto_map": {"AutoModel": "m.M"}, "model_type": "../llama"}, "code author"),
        (
            {"auto_map": {"AutoModel": "m.M"}, "model_type": "my-own"},
            "trust_remote_code",
        ),
        ({"model_type": "t5", "architectures": None}, "This is a t5, which reads"),
        ({"model_type": "no-such-type"}, "can't build"),
        ({"hidden_size": "wide"}, "can't build"),
        ({"hidden_size": 48}, "can't be loaded"),
        ({"num_attention_heads": 0}, "can't build"),
    ],
)
def test_a_config_of_something_else(folder: Path, values: dict[str, Any], words: str) -> None:
    change_config(folder, **values)
    assert tells(refuse(folder), words)


def test_a_model_that_transformers_knows_needs_no_code_of_its_authors(folder: Path) -> None:
    """As Phi's: its config still names the code from before transformers had it."""
    change_config(folder, auto_map={"AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM"})
    (folder / "modeling_phi3.py").write_text("raise SystemExit('never run')")
    assert describe_model(ModelRef(ref=str(folder))).family == "llama"
    model = load_base(folder, FP32, find_device())
    assert type(model).__module__.startswith("transformers.")


def test_weights_that_are_missing_or_can_run_code(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert tells(refuse(folder), ".bin pickle")
    (folder / "pytorch_model.bin").unlink()
    assert tells(refuse(folder), "*.safetensors weights")


@pytest.mark.parametrize("kept", [0, 5, 8, 100, -1, -1000])
def test_weights_that_were_cut_off(folder: Path, kept: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    assert "can't be loaded" in refuse(folder)
    with raises(ModelError, "safetensors"):
        describe_model(ModelRef(ref=str(folder)))


@pytest.mark.parametrize("header", [b"[]", b'{"a": 1}', b'{"a": {}}', b'{"a": {"shape": [1], "data_offsets": []}}'])
def test_weights_whose_header_is_nonsense(folder: Path, header: bytes) -> None:
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with raises(ModelError, "safetensors"):
        count_in_headers(folder)
    assert "can't be loaded" in refuse(folder)


def test_a_model_larger_than_the_memory_that_may_be_taken_is_known(folder: Path) -> None:
    """As where strangers' files are read: files that are mapped into memory count there as if they were taken."""
    change_config(folder, intermediate_size=4_000_000)
    write_hole(folder)
    size, (soft, hard) = (folder / "model.safetensors").stat().st_size, resource.getrlimit(resource.RLIMIT_DATA)
    limit_memory(size // 4)
    try:
        assert describe_model(ModelRef(ref=str(folder))).size_bytes == pytest.approx(size, rel=1e-3) and size > 1e9
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def drop_tokenizer(folder: Path) -> None:
    """Delete the tokenizer."""
    for file in folder.glob("tokenizer*"):
        file.unlink()


def drop_end(folder: Path) -> None:
    """Let the tokenizer have no end token."""
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "eos_token"}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (drop_tokenizer, "tokenizer.save_pretrained(folder"),
        (drop_end, "eos"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "The tokenizer in "),
        (lambda folder: (folder / "tokenizer.json").write_text('{"model": {"type": "BPE"}}'), "The tokenizer in "),
        (lambda folder: (folder / "tokenizer.json").write_bytes(b"\xff\x00"), "The tokenizer in "),
    ],
    ids=["none", "endless", "cut", "empty", "binary"],
)
def test_a_tokenizer_that_can_not_be_used(folder: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(folder)
    assert tells(refuse(folder), words)


def test_a_tokenizer_without_a_padding_token_pads_with_its_end(folder: Path) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "pad_token"}))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 2


def test_end_tokens_may_be_none_one_or_many(folder: Path) -> None:
    model, _ = load(folder)
    for given, wanted in ((None, set()), (2, {2}), ([2, 5], {2, 5})):
        model.generation_config.eos_token_id = given
        assert list_end_tokens(model) == wanted


@pytest.mark.parametrize(
    "ref",
    [
        "a b",
        "../x/../..",
        "x" * 97,
        "x" * 1000,
        "a/b/c",
        "a\x00b",
        "größe",
        "-x",
        "a..b",
        "\ud800",
        "",
        " ",
        "a/",
        "a//b",
    ],
    ids=lambda ref: ascii(ref)[:12],
)
def test_an_id_that_can_be_none_is_refused(ref: str) -> None:
    with pytest.raises(ModelError) as told:
        find_config_folder(ModelRef(ref=ref))
    assert told.value.field == "model" and len(str(told.value)) < 300


@pytest.mark.parametrize("ref", ["~nobody-of-that-name", "/a\x00b", "/" + "x" * 300, "./" + "x" * 999, "C:\\models"])
def test_a_path_that_can_be_none_is_refused(ref: str) -> None:
    with pytest.raises(ModelError, match=r"can't be a folder|There is no folder"):
        find_config_folder(ModelRef(ref=ref))


@pytest.mark.parametrize("revision", ["../main", "a b", "\x00", "", "x" * 201, "-x"], ids=lambda text: ascii(text)[:9])
def test_a_revision_that_can_be_none_is_refused(revision: str) -> None:
    with raises(ModelError) as told:
        ModelRef(ref="owner/name", revision=revision).find_folder()
    assert told.value.field == "revision"
    for good in ("main", "v1.0", "refs/pr/3", "0123456789abcdef"):
        assert ModelRef(ref="owner/name", revision=good).find_folder() is None


@pytest.mark.parametrize(("beside", "weights", "fact"), [(400_000_000, 1, "0.4"), (1_000, 10**15, "1,000,000.0")])
def test_a_model_of_the_hub_that_would_fill_the_disk_is_refused_before_it_is_fetched(
    beside: int, weights: int, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_files(repo: str, *, allow_patterns: list[str], dry_run: bool = False, **more: Any) -> list[Any]:
        assert dry_run, "nothing is fetched"
        sizes = {"tokenizer.json": beside, "model.safetensors": weights, "kept.json": 10**15}
        chosen = filter_repo_objects(sizes, allow_patterns=allow_patterns)
        return [SimpleNamespace(file_size=sizes[name], will_download=name != "kept.json") for name in chosen]

    monkeypatch.setattr("huggingface_hub.snapshot_download", list_files)
    fetch = fetch_config_folder if weights == 1 else fetch_model_folder
    with raises(ModelError, ("someone/large", fact, "GB"), field="model"):
        fetch("someone/large", None)


def test_what_is_on_the_hub_and_out_of_reach_is_told_in_words() -> None:
    for fetch in (find_config_folder, find_model_folder):
        with raises(ModelError, "owner/name"):
            fetch(ModelRef(ref="owner/name"))


def test_what_was_fetched_before_needs_no_network(tiny_model: Path) -> None:
    from huggingface_hub import constants

    assert str(constants.HF_HUB_CACHE).startswith(os.environ["HF_HOME"])
    cached = Path(constants.HF_HUB_CACHE) / "models--school--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny_model, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    ref = ModelRef(ref="school/tiny")
    facts = describe_model(ref)
    assert (facts.title, facts.family) == ("tiny", "llama") and facts.parameters
    found = find_model_folder(ref)
    assert found == cached / "snapshots" / commit == find_config_folder(ref)
    assert load_base(found, FP32, find_device()).num_parameters() == facts.parameters
    (found / "model.safetensors").unlink()  # only config and tokenizer were fetched yet
    assert describe_model(ref).parameters == facts.parameters and describe_model(ref).size_bytes is None
    with raises(ModelError, "*.safetensors"):
        find_model_folder(ref)
    shutil.rmtree(cached)
    with raises(ModelError):
        find_config_folder(ref)


@pytest.mark.parametrize("name", [BUILTIN, ENCODER])
def test_the_built_in_models_are_there_and_whole(name: str) -> None:
    ref = ModelRef(ref=name)
    facts = describe_model(ref)
    card = next(card for card in CATALOGUE if card.ref == name)
    folder = find_model_folder(ref)
    model, tokenizer = load_base(folder, FP32, find_device()), load_tokenizer(folder)
    assert facts.parameters == model.num_parameters()
    assert abs(model.num_parameters() - card.parameters) < 0.05 * card.parameters
    assert facts.context == card.context and facts.licence == card.licence and facts.title == card.title
    assert ref.is_local and card.local
    text = "Definition: Say hello.\nInput: Anna\nOutput: Hello, Anna!"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True).strip() == text


def test_only_the_built_in_model_of_the_list_is_here_from_the_start() -> None:
    assert [card.ref for card in CATALOGUE if card.local] == [BUILTIN, ENCODER] == [card.ref for card in CATALOGUE[:2]]
    for card in CATALOGUE[2:]:
        assert not ModelRef(ref=card.ref).is_local and card.summary.endswith(".")


def test_each_model_of_the_list_says_what_it_is() -> None:
    for names in ([card.ref for card in CATALOGUE], [card.title for card in CATALOGUE]):
        assert len(set(names)) == len(names)
    for card in CATALOGUE:
        assert card.local or re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9.-]+", card.ref)
        assert re.fullmatch(r"apache-2\.0|mit|llama3\.[12]|gemma", card.licence)
        assert card.context in (1024, 8192, 32768, 40960, 65536, 131072)
        assert card.gated == card.ref.startswith(("meta-llama/", "google/gemma"))
        assert 20 < len(card.summary) < 140
        said = re.search(r"(\d+(?:\.\d+)?)([MB])$", card.title)
        assert said is not None
        assert card.parameters == pytest.approx(float(said[1]) * {"M": 1e6, "B": 1e9}[said[2]], rel=0.25)
    assert [card.parameters for card in CATALOGUE[2:]] == sorted(card.parameters for card in CATALOGUE[2:])
    assert {card.size for card in CATALOGUE} == {"small", "medium", "large"}


SHAPES: dict[str, dict[str, Any]] = {
    "HuggingFaceTB/SmolLM2-135M": {"llama": (576, 1536, 30, 9, 3, 64, 49152, True)},
    "HuggingFaceTB/SmolLM2-360M": {"llama": (960, 2560, 32, 15, 5, 64, 49152, True)},
    "HuggingFaceTB/SmolLM2-1.7B": {"llama": (2048, 8192, 24, 32, 32, 64, 49152, True)},
    "HuggingFaceTB/SmolLM3-3B": {"smollm3": (2048, 11008, 36, 16, 4, 128, 128256, True)},
    "Qwen/Qwen3-0.6B": {"qwen3": (1024, 3072, 28, 16, 8, 128, 151936, True)},
    "Qwen/Qwen3-1.7B": {"qwen3": (2048, 6144, 28, 16, 8, 128, 151936, True)},
    "Qwen/Qwen3-4B": {"qwen3": (2560, 9728, 36, 32, 8, 128, 151936, True)},
    "Qwen/Qwen3-8B": {"qwen3": (4096, 12288, 36, 32, 8, 128, 151936, False)},
    "google/gemma-3-270m": {"gemma3_text": (640, 2048, 18, 4, 1, 256, 262144, True)},
    "google/gemma-3-1b-pt": {"gemma3_text": (1152, 6912, 26, 4, 1, 256, 262144, True)},
    "meta-llama/Llama-3.2-1B": {"llama": (2048, 8192, 16, 32, 8, 64, 128256, True)},
    "meta-llama/Llama-3.2-3B": {"llama": (3072, 8192, 28, 24, 8, 128, 128256, True)},
    "meta-llama/Llama-3.1-8B": {"llama": (4096, 14336, 32, 32, 8, 128, 128256, False)},
    "mistralai/Mistral-7B-v0.3": {"mistral": (4096, 14336, 32, 32, 8, 128, 32768, False)},
}
"""Kind, and in its config: width, inner width, layers, heads, heads of keys, size of a head, vocabulary, tied ends."""
NAMES = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "tie_word_embeddings",
)


@pytest.mark.parametrize("card", CATALOGUE[2:], ids=lambda card: card.title)
def test_the_parameters_of_the_list_are_those_of_the_architecture(card: Any, tmp_path: Path) -> None:
    ((kind, values),) = SHAPES[card.ref.replace("-Instruct", "").replace("1b-it", "1b-pt")].items()
    config = {"model_type": kind, **dict(zip(NAMES, values, strict=True))}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert find_shape(tmp_path).base == card.parameters


def test_the_list_is_folded_by_size_and_says_licence_and_context(workspace: Any) -> None:
    from studio.service import Studio
    from studio.ui.steps.model.page import draw_cards

    def find_open(chosen: str) -> list[str]:
        html = draw_cards(Studio(workspace), chosen)
        for card in CATALOGUE:
            drawn = html.partition(f">{card.title}</bdi>")[2].partition("</button>")[0]
            assert card.licence in drawn and f"reads {card.context:,} tokens" in drawn
            assert ("accept its terms" in drawn) == card.gated
        assert html.index(CATALOGUE[0].title) < html.index("<details")
        return re.findall(r'id="models-(\w+)" open', html)

    assert find_open(BUILTIN) == find_open("/a/folder") == []
    assert find_open("Qwen/Qwen3-8B") == ["large"]


def test_a_relative_folder_is_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for ref in ("model", "./model"):
        assert ModelRef(ref=ref).is_local
        assert check_folder(ModelRef(ref=ref).find_folder() or Path()).samefile(folder)
    assert read_config(folder)["model_type"] == "llama"


TINY = {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
WIDE = {**TINY, "intermediate_size": 64, "max_position_embeddings": 128}


@pytest.fixture
def made(tiny_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """A function that saves a tiny random model of a config, with the tokenizer of the tiny model."""

    def make(kind: str, head: str = "AutoModelForCausalLM", **config: Any) -> Path:
        import torch
        import transformers

        folder = tmp_path / kind
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = getattr(transformers, head).from_config(transformers.AutoConfig.for_model(kind, **config))
        model.save_pretrained(folder)
        for file in tiny_model.glob("tokenizer*"):
            shutil.copy(file, folder)
        return folder

    return make


@pytest.mark.parametrize(
    ("kind", "config", "context"),
    [
        ("opt", {**WIDE, "ffn_dim": 64, "word_embed_proj_dim": 32}, 128),
        ("bloom", {**TINY, "n_head": 4, "n_layer": 2, "seq_length": 96}, 96),
        ("bloom", {**TINY, "n_head": 4, "n_layer": 2}, None),
        ("mpt", {"vocab_size": 260, "d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64}, 64),
        ("gpt2", {"vocab_size": 260, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, 64),
        ("ctrl", {"vocab_size": 260, "n_embd": 32, "dff": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}, 64),
        ("roberta", {**WIDE, "is_decoder": True, "pad_token_id": 1}, 126),
        ("biogpt", WIDE, 128),
        ("mistral", {**WIDE, "num_key_value_heads": 2, "sliding_window": 16}, 128),
        ("mamba", {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, None),
        ("mamba2", {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 8}, None),
        ("rwkv", {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "context_length": 64}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_facts_go_by_whatever_name_a_kind_gives_them(
    kind: str, config: dict[str, Any], context: int | None, made: Callable[..., Path]
) -> None:
    import torch

    folder = made(kind, **config)
    facts = describe_model(ModelRef(ref=str(folder)))
    model = load_base(folder, FP32, find_device())
    assert (facts.layers, facts.hidden_size, facts.vocabulary, facts.context) == (2, 32, 260, context)
    assert facts.parameters == model.num_parameters()
    assert find_context(model) == (context or 10**9)
    ids = torch.randint(2, 260, (1, context or 200))
    assert model(input_ids=ids).logits.shape[1] == ids.shape[1]


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "xlm-roberta", "camembert", "megatron-bert"])
def test_what_sees_the_end_of_a_text_is_refused_and_its_decoder_taken(kind: str, made: Callable[..., Path]) -> None:
    folder = made(kind, **WIDE)
    with pytest.raises(ModelError) as told:
        describe_model(ModelRef(ref=str(folder)))
    assert told.value.field == "model" and kind in str(told.value)
    with pytest.raises(ModelError):
        load_base(folder, FP32, find_device())
    change_config(folder, is_decoder=True)
    assert describe_model(ModelRef(ref=str(folder))).family == kind


def test_an_encoder_without_that_key_is_refused_as_well(made: Callable[..., Path]) -> None:
    folder = made("xlnet", vocab_size=260, d_model=32, n_layer=2, n_head=4, d_inner=64)
    with pytest.raises(ModelError):
        describe_model(ModelRef(ref=str(folder)))


@pytest.mark.parametrize(("kind", "size"), [("t5", {"d_model": 32, "d_ff": 64, "d_kv": 8}), ("bart", {"d_model": 32})])
def test_what_reads_with_one_half_and_writes_with_the_other(kind: str, size: dict[str, Any], folder: Path) -> None:
    import transformers

    transformers.AutoConfig.for_model(kind, vocab_size=260, **size).save_pretrained(folder)
    with pytest.raises(ModelError, match="one half") as told:
        describe_model(ModelRef(ref=str(folder)))
    assert told.value.field == "model"


@pytest.mark.parametrize("head", ["AutoModel", "AutoModelForSequenceClassification", "AutoModelForTokenClassification"])
def test_a_head_that_would_begin_at_random_is_no_head(head: str, made: Callable[..., Path]) -> None:
    folder = made("llama", head, **{**WIDE, "num_key_value_heads": 2})
    for name in (None, ["LlamaForCausalLM"]):
        with pytest.raises(ModelError) as told:
            describe_model(ModelRef(ref=str(folder)))
        assert told.value.field == "model"
        with pytest.raises(ModelError):
            load_base(folder, FP32, find_device())
        change_config(folder, architectures=name or ["LlamaForCausalLM"])
    assert "lm_head.weight" in str(told.value)


def test_models_are_loaded_one_at_a_time(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once could leave transformers so that no model of this process has its table of words as its head."""
    from transformers import PreTrainedModel

    own, held = PreTrainedModel.from_pretrained.__func__, []  # type: ignore[attr-defined]

    def load(cls: Any, *given: Any, **named: Any) -> Any:
        held.append(LOCK.locked())
        return own(cls, *given, **named)

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", classmethod(load))
    base = load_base(tiny_model, FP32, find_device())
    checking._try_loading(tiny_model, read_config_text(tiny_model))
    METHODS.read("full").restore(base, tiny_model)
    assert held == [True, True, True]


def test_a_base_class_whose_head_is_the_table_of_its_words_is_whole(made: Callable[..., Path]) -> None:
    folder = made("gpt2", "AutoModel", vocab_size=260, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    assert describe_model(ModelRef(ref=str(folder))).layers == 2


VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
PATCHES = {"model_type": "siglip_vision_model", "image_size": 28, "patch_size": 14, **VISION}
TEXT = {**WIDE, "num_key_value_heads": 2, "head_dim": 8}


@pytest.mark.parametrize(
    ("kind", "config", "named"),
    [
        ("gemma3", {"mm_tokens_per_image": 4, "text_config": TEXT, "vision_config": PATCHES}, None),
        ("qwen3_5", {"text_config": {**TEXT, "linear_num_value_heads": 4}}, "Qwen3_5ForConditionalGeneration"),
    ],
)
def test_a_model_that_also_sees_is_taken_for_its_text(
    kind: str, config: dict[str, Any], named: str | None, made: Callable[..., Path]
) -> None:
    folder = made(kind, **config)
    values = json.loads((folder / "config.json").read_text())
    if named:
        change_config(folder, architectures=[named])
    facts = describe_model(ModelRef(ref=str(folder)))
    assert (facts.layers, facts.hidden_size, facts.vocabulary, facts.context) == (2, 32, 260, 128), values
    assert facts.parameters == load_base(folder, FP32, find_device()).num_parameters()


def test_infinity_as_transformers_writes_it(made: Callable[..., Path]) -> None:
    folder = made("mamba2", vocab_size=260, hidden_size=32, num_hidden_layers=2, num_heads=8, head_dim=8, n_groups=1)
    assert "__float__" in (folder / "config.json").read_text()
    assert find_shape(folder).base == load_base(folder, FP32, find_device()).num_parameters()


def add_tokens(folder: Path, *tokens: str, special: bool) -> None:
    """Add tokens to a tokenizer, and none to the model."""
    tokenizer = load_tokenizer(folder)
    tokenizer.add_tokens([*tokens], special_tokens=special)
    tokenizer.save_pretrained(folder)


def test_tokens_that_the_model_has_no_row_for(folder: Path) -> None:
    add_tokens(folder, "<image>", special=True)
    assert describe_model(ModelRef(ref=str(folder))).vocabulary == 260  # nothing ever writes it, as Gemma's
    (folder / "chat_template.jinja").write_text("{% for turn in messages %}<image>{{ turn.content }}{% endfor %}")
    with pytest.raises(ModelError, match="261 tokens, the model 260") as told:
        describe_model(ModelRef(ref=str(folder)))
    assert told.value.field == "model" and "'<image>'" in str(told.value)


def test_words_that_the_model_has_no_row_for(folder: Path) -> None:
    add_tokens(folder, "hello", special=False)
    with pytest.raises(ModelError, match="261 tokens, the model 260"):
        describe_model(ModelRef(ref=str(folder)))


def test_padding_that_the_model_has_no_row_for_is_done_with_the_end(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    tokenizer.add_special_tokens({"pad_token": "<filler>"})
    tokenizer.save_pretrained(folder)
    assert describe_model(ModelRef(ref=str(folder))).vocabulary == 260
    assert load_tokenizer(folder).pad_token_id == 2


def test_what_is_no_model_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.gguf")
    assert "GGUF" in refuse(folder)
    (folder / "config.json").unlink()
    assert "GGUF" in refuse(folder)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    assert "adapter" in refuse(folder) and "some/base" in refuse(folder)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({"quant_method": "gptq", "bits": 4}, "4 bits (gptq)"),
        ({"quant_method": "awq", "bits": 4}, "4 bits (awq)"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
    ],
)
def test_codes_that_nothing_trains_on_are_refused(folder: Path, stored: dict[str, Any], words: str) -> None:
    change_config(folder, quantization_config=stored)
    with pytest.raises(ModelError) as told:
        describe_model(ModelRef(ref=str(folder)))
    assert told.value.field == "model" and words in str(told.value)


def test_nobody_counts_a_model_while_another_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both set torch's own dtype: a base came out with weights of two."""
    from transformers import AutoModelForCausalLM

    whole, held = AutoModelForCausalLM.from_pretrained, []

    def watch(*given: Any, **named: Any) -> Any:
        held.append(LOCK.locked())
        return whole(*given, **named)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", watch)
    load(folder)
    assert held == [True]
