"""GGUF: one file for llama.cpp and what is built on it, written by the `gguf` package for models shaped like Llama.

Rows of queries and keys are in llama.cpp's own order, norms stay in 32 bits, and a head that is the table of words
is left out. How llama.cpp cuts text before its tokenizer is a name compiled into it, and a wrong one is wrong without a
word: a tokenizer whose name isn't known here is refused, with the command of llama.cpp's own converter.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.checkpoints.weights import load_stack
from studio.errors import ModelError
from studio.exporting.form import Form, Source, check_merges, guess_whole
from studio.merging.rounding import tell_rounding
from studio.models.facts import find_config_folder
from studio.models.loading import find_model_folder, list_end_tokens, load_tokenizer
from studio.models.reference import read_config
from studio.precisions import PRECISIONS

Numbers = Literal["f32", "f16", "q8_0", "q4_0"]
FILE_TYPES: dict[str, int] = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7}
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}@| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CUTS: dict[tuple[str, ...], str] = {
    ("ByteLevel+",): "gpt-2",
    ("Digits", "ByteLevel+"): "smollm",
    (_SPLIT.replace("@", "{1,3}"), "ByteLevel"): "llama-bpe",
    (_SPLIT.replace("@", ""), "ByteLevel"): "qwen2",
}
"""How a tokenizer cuts a text into words: llama.cpp's name for it."""


class Gguf(Form):
    """The whole model in one file, its numbers as fine or as coarse as wanted."""

    name: ClassVar[str] = "gguf"
    title: ClassVar[str] = "GGUF"
    position: ClassVar[int] = 3
    writes: ClassVar[bool] = True
    summary: ClassVar[str] = "One file with weights, tokenizer, end tokens and chat template."
    purpose: ClassVar[str] = "for llama.cpp (llama-server -m FILE), Ollama, LM Studio and their like"
    parts: ClassVar[int] = 2

    numbers: Numbers = Field(
        "q8_0",
        title="Numbers",
        description="q8_0 is half of f16 and hardly worse; q4_0 is a quarter, and a small model is hurt by it.",
    )

    def check(self, source: Source) -> None:
        """Raise ModelError in words for an architecture or a tokenizer that llama.cpp's own converter has to map."""
        check_merges(source.stack)
        folder = find_config_folder(source.stack.base)
        config = read_config(folder)
        if why := find_obstacle(config):
            raise refuse(source, why, self.numbers)
        if (folder / "tokenizer.json").is_file():
            find_cut(source, json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")), self.numbers)

    def guess_bytes(self, source: Source) -> int | None:
        """Return the bytes of all weights."""
        return guess_whole(source, self.numbers)

    def write(self, source: Source, folder: Path) -> Iterator[str | None]:
        """Write the file: first the tokenizer's part of it is gathered, then the weights follow."""
        model = load_stack(source.stack, PRECISIONS.read("fp32"), source.device)
        tokenizer = load_tokenizer(find_model_folder(source.stack.base))
        yield None
        write_gguf(source, model, tokenizer, folder / "model.gguf", self.numbers)
        yield tell_rounding(source.workspace, source.stack, model, source.device)


def find_obstacle(config: dict[str, Any]) -> str:
    """Return why a model's weights can't be mapped here, "" where they can."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, dict) else "unknown"
    if config.get("model_type") not in ("llama", "mistral"):
        return f"models of kind {config.get('model_type')!r}"
    if config.get("sliding_window") or kind != "default":
        return "a sliding window or stretched positions"
    return ""


def refuse(source: Source, what: str, numbers: str) -> ModelError:
    """Return the words for a model that llama.cpp's converter has to write, with its command."""
    return ModelError(
        f"{what[:1].upper()}{what[1:]} can't be written as GGUF here. Export {source.title} as merged, unpack it, "
        "and run llama.cpp's own converter: "
        f"python convert_hf_to_gguf.py FOLDER --outtype {numbers} --outfile model.gguf",
        field="form",
    )


def find_cut(source: Source, told: dict[str, Any], numbers: str) -> str:
    """Return llama.cpp's name for how a tokenizer cuts a text. Raises ModelError where that isn't known."""
    if cut := name_cut(told):
        return cut
    raise refuse(source, "a tokenizer of this shape", numbers)


def name_cut(told: dict[str, Any]) -> str:
    """Return the same name, "" for a tokenizer of another shape."""
    steps = told.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", []) if steps.get("type") == "Sequence" else [steps]
    is_bytewise = told.get("model", {}).get("type") == "BPE" and told.get("normalizer") is None
    return CUTS.get(tuple(map(_name_step, steps)), "") if is_bytewise else ""


def _name_step(step: dict[str, Any]) -> str:
    if step.get("type") == "Split":
        return str(step.get("pattern", {}).get("Regex", ""))
    if step.get("type") == "Digits":
        return "Digits" if step.get("individual_digits") else ""
    if step.get("type") == "ByteLevel" and not step.get("add_prefix_space"):
        return "ByteLevel+" if step.get("use_regex") else "ByteLevel"
    return str(step.get("type"))


def write_gguf(source: Source, model: Any, tokenizer: Any, path: Path, numbers: Numbers) -> None:
    """Write a loaded model as one file."""
    import gguf

    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_name(source.title)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(FILE_TYPES[numbers])
    write_tokenizer(source, writer, tokenizer, config.vocab_size, numbers)
    ends = list_end_tokens(model) | {tokenizer.eos_token_id}
    ends |= set[int]().union(*(change.recipe.objective.list_ends(tokenizer) for change in source.stack.changes))
    for id in sorted(ends - {tokenizer.eos_token_id}):
        writer.add_eot_token_id(id)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, values in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        add_weight(writer, name_weight(name), order_rows(values.float().cpu().numpy(), name, heads), numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_tokenizer(source: Source, writer: Any, tokenizer: Any, size: int, numbers: str) -> None:
    """Write every token with its kind, and what begins and ends a text; there may be more places than tokens."""
    import gguf

    told = json.loads(tokenizer.backend_tokenizer.to_str())
    texts = {id: text for text, id in tokenizer.get_vocab().items()}
    special = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    added = set(tokenizer.added_tokens_decoder) - special
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(find_cut(source, told, numbers))
    writer.add_token_list([texts.get(place, f"[PAD{place}]") for place in range(size)])
    writer.add_token_types(
        [
            kinds.CONTROL
            if place in special
            else kinds.USER_DEFINED
            if place in added
            else kinds.NORMAL
            if place in texts
            else kinds.UNUSED
            for place in range(size)
        ]
    )
    merges = told["model"]["merges"]
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in merges])
    for id, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.eos_token_id, writer.add_eos_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if id is not None:
            add(id)
    writer.add_add_bos_token(tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id])
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)


def name_weight(name: str) -> str:
    """Return llama.cpp's name of one of transformers' weights."""
    if name in TOP:
        return TOP[name]
    _, _, layer, *part, kind = name.split(".")
    return f"blk.{layer}.{NAMES['.'.join(part)]}.{kind}"


def order_rows(values: Any, name: str, heads: dict[str, int]) -> Any:
    """Return queries and keys in the order of llama.cpp's positions: the halves of each head become neighbours."""
    count = next((count for part, count in heads.items() if f".{part}." in name), 0)
    if not count:
        return values
    return values.reshape(count, 2, len(values) // count // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def add_weight(writer: Any, name: str, values: Any, numbers: Numbers) -> None:
    """Add a weight as codes, or in 32 bits where it is no matrix or its rows don't divide into blocks."""
    import gguf

    kind = gguf.GGMLQuantizationType[numbers.upper()]
    block = gguf.GGML_QUANT_SIZES[kind][0]
    if values.ndim == 1 or values.shape[-1] % block:
        writer.add_tensor(name, values)
    elif numbers == "f16":
        writer.add_tensor(name, values.astype("float16"))
    else:
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
