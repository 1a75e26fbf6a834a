"""Configs of tiny models of many architectures, and the models: random weights, a few ten thousand parameters each."""

from pathlib import Path
from typing import Any

SMALL = {
    "vocab_size": 260,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
EXPERTS = {**GROUPED, "moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {**SMALL, "num_key_value_heads": 2},
    "llama_tied": {**SMALL, "model_type": "llama", "tie_word_embeddings": True, "num_hidden_layers": 2},
    "gpt2": {"vocab_size": 260, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 128},
    "gpt_neox": SMALL,
    "mistral": {**SMALL, "num_key_value_heads": 2, "sliding_window": 16},
    "qwen3": GROUPED,
    "gemma3_text": {**GROUPED, "sliding_window": 16},
    "qwen3_moe": EXPERTS,
    "qwen3_moe_mixed": {**EXPERTS, "model_type": "qwen3_moe", "mlp_only_layers": [1]},
}
"""Name -> config.json. The last has layers of two sizes, two of experts around one without."""


def make_model(name: str, folder: Path, **changes: Any) -> Path:
    """Make the model of an architecture in a folder, without a tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    values = {"model_type": name, **ARCHITECTURES[name], **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(AutoConfig.for_model(**values)).save_pretrained(folder)
    return folder
