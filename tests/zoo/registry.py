"""Every causal architecture of transformers as a tiny random model, made from the registry alone.

Knows how a config is shrunk: each of its numbers that has a size in its name gets a small one, each list with an entry
a layer becomes one in which every kind of layer comes once. What has rules of its own beyond that is in OVERRIDES,
what can't be tried as a text model in LEFT_OUT, by name and with the reason. Knows nothing of the studio.
"""

from pathlib import Path
from typing import Any

VOCABULARY, WIDTH, HEADS, HEAD, WINDOW, CONTEXT = 260, 32, 4, 8, 16, 512
SIZES: dict[str, Any] = {
    **dict.fromkeys(
        ("vocab_size", "decoder_vocab_size", "unpadded_vocab_size", "vocab_size_per_layer_input"), VOCABULARY
    ),
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "emb_dim", "embedding_size", "dim_model"), WIDTH),
    **dict.fromkeys(("attention_hidden_size", "lru_width", "mamba_d_ssm"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), HEADS),
    **dict.fromkeys(("decoder_attention_heads", "swa_num_attention_heads", "linear_num_heads"), HEADS),
    **dict.fromkeys(("num_encoder_attention_heads", "num_decoder_attention_heads", "index_n_heads"), HEADS),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "swa_num_key_value_heads", "linear_num_key_heads"), 2),
    **dict.fromkeys(("linear_num_value_heads",), HEADS),
    **dict.fromkeys(("head_dim", "swa_head_dim", "global_head_dim", "v_head_dim", "dim_head", "index_head_dim"), HEAD),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "linear_head_dim", "kv_channels", "d_kv"), HEAD),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "rotary_dim"), HEAD),
    "qk_head_dim": 2 * HEAD,
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "o_lora_rank", "laurel_rank", "gated_norm_rank", "d_rel"), HEAD),
    **dict.fromkeys(
        ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner", "encoder_ffn_dim", "dff", "dim_ff"), 64
    ),
    **dict.fromkeys(("decoder_ffn_dim", "shared_intermediate_size", "intermediate_size_mlp", "d_inner"), 64),
    **dict.fromkeys(("dense_intermediate_size",), 64),
    **dict.fromkeys(("moe_intermediate_size", "expert_ffn_hidden_size", "shared_experts_intermediate_size"), 16),
    **dict.fromkeys(("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"), 16),
    **dict.fromkeys(("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"), 1),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group", "pretraining_tp"), 1),
    **dict.fromkeys(("first_k_dense_replace", "num_dense_layers"), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "model_max_length"), CONTEXT),
    **dict.fromkeys(("sliding_window", "sliding_window_size", "window_size", "attention_window_size"), WINDOW),
    **dict.fromkeys(("local_attention", "attention_chunk_size", "keep_window_size"), WINDOW),
    **dict.fromkeys(("mamba_d_state", "state_size", "ssm_state_size"), HEAD),
    **dict.fromkeys(("time_step_rank", "mamba_dt_rank"), 4),
    **dict.fromkeys(("mamba_n_heads", "n_mamba_heads", "mamba_num_heads"), 8),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), HEAD),
    **dict.fromkeys(("mamba_chunk_size", "chunk_size"), 16),
    **dict.fromkeys(("n_groups", "mamba_n_groups"), 1),
    "num_kv_shared_layers": 0,
    "hidden_size_per_layer_input": 8,
    "num_nextn_predict_layers": 0,
    "index_topk": 8,
    "query_pre_attn_scalar": HEAD,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""What a number of a config becomes, by its name."""
DROPPED = {"id2label", "label2id", "activation_sparsity_pattern"}

SHARED = {
    "layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"],
    "attention_hidden_size": 2 * WIDTH,
    "attention_head_dim": 2 * HEAD,
}
"""Zamba's block of attention reads what a layer reads and what the model reads, side by side."""
ROPES = {kind: {"rope_type": "default", "rope_theta": 1e4} for kind in ("sliding_attention", "full_attention")}
SWA = {f"swa_{name}": HEAD for name in ("q_lora_rank", "kv_lora_rank", "head_dim", "qk_nope_head_dim", "v_head_dim")}
OVERRIDES: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "blt": {
        "encoder_hash_byte_group_vocab": 64,
        "encoder_hash_byte_group_size": [3, 4],
        "local_attention_window_len": WINDOW,
        "encoder_config": {"hidden_size_global": WIDTH, "encoder_hash_byte_group_size": [3, 4]},
        "decoder_config": {"hidden_size_global": WIDTH},
    },
    "cohere_compass_text": {"layer_types": ["sliding_attention", "full_attention"], "rope_parameters": ROPES},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"hidden_size": WIDTH, "moe_num_experts": 4},
    },
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "first_k_dense_replace": 1},
    "dots3_note_text": {
        **SWA,
        "swa_head_dim": 2 * HEAD,
        "swa_num_attention_heads": HEADS,
        "swa_num_key_value_heads": HEADS,
        "head_dim": 2 * HEAD,
    },
    "dots3_note": {
        "vision_config": {"adapter_in_dim": WIDTH, "adapter_out_dim": WIDTH},
        "audio_config": {
            "adapter_input_size": WIDTH,
            "adapter_in_dim": WIDTH,
            "adapter_out_dim": WIDTH,
            "downsample_hidden_size": 8,
        },
    },
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n_text": {"intermediate_size": 64, "activation_sparsity_pattern": [0.95, 0.0]},
    "gemma4_text": {"global_head_dim": HEAD},
    "gemma4_unified_text": {"global_head_dim": HEAD},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"]},
    "hrm_text": {"num_hidden_layers": 8, "num_layers_per_stack": 1},
    "hunyuan_v1_dense": {"head_dim": HEAD},
    "hunyuan_v1_moe": {"head_dim": HEAD},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "llama4_text": {
        "no_rope_layers": [1, 0],
        "moe_layers": [1],
        "layer_types": ["chunked_attention", "full_attention"],
    },
    "mamba2": {"num_heads": 8},
    "ministral": {"head_dim": HEAD},
    "nemotron": {"num_key_value_heads": 2},
    "phi4_multimodal": {"vision_config": {"crop_size": 56, "image_size": 56}},
    "qwen4_exp_text": {
        "ple_layer_ids": [1],
        "ple_embed_dim": WIDTH,
        "ngram_vocab_size_base": 64,
        "split_ngram_parts": 1,
        "make_ngram_vocab_size_divisible_by": 8,
        "heads_per_ngram": 2,
        "hc_lowrank": 8,
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": HEAD,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
    },
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 16},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "is_decoder": True,
        "attn_layers": ["local", "lsh"],
        "num_hidden_layers": 2,
        "feed_forward_size": 64,
        "attention_head_size": HEAD,
        "axial_pos_shape": [16, 32],
        "axial_pos_embds_dim": [8, 24],
    },
    "roc_bert": {"pronunciation_vocab_size": 16, "shape_vocab_size": 16, "shape_embed_dim": 8},
    "xlstm": {"hidden_size": 128, "embedding_dim": 128, "num_blocks": 2},
    "xmod": {"default_language": "en_XX", "languages": ["en_XX"]},
    "zamba": {"num_hidden_layers": 4, **SHARED},
    "zamba2": {"num_hidden_layers": 4, **SHARED},
    "zaya": {"num_experts_per_tok": 1, "router_hidden_size": HEAD},
}
"""What a kind needs beyond small sizes: its own rules, or an entry for each kind of layer it may have."""
SAME = {
    "dots3_note": "dots3_note_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_unified_text",
    "llama4": "llama4_text",
    "qwen4_exp": "qwen4_exp_text",
}
"""A kind whose text part has the rules of another."""
LEFT_OUT: dict[str, str] = {
    "gemma4_assistant": "drafts for another model, whose keys and values it reads",
    "gemma4_unified_assistant": "drafts for another model, whose keys and values it reads",
    "gemma3n": "its eyes are timm's, which the studio doesn't install",
    "musicgen": "reads codes of sound: its config is no decoder's",
    "musicgen_melody": "reads codes of sound: its config is no decoder's",
}


def list_names() -> list[str]:
    """Return the names of all architectures that are tried."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return sorted(set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) - LEFT_OUT.keys())


def shrink(kind: str) -> Any:
    """Return the config of a tiny model of a kind."""
    from transformers import CONFIG_MAPPING

    config_class = CONFIG_MAPPING[kind]
    return config_class(**_shrink(config_class, _list_rules(kind)))


def _list_rules(kind: str) -> dict[str, Any]:
    text = {"text_config": OVERRIDES[SAME[kind]]} if kind in SAME else {}
    return {**OVERRIDES.get(kind, {}), **text}


def _shrink(config_class: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The words that make a small config of this class; `changes` may hold some of its parts'."""
    default = vars(_default(config_class, changes))
    names = set(default) - DROPPED
    if "kv_lora_rank" in names and "num_key_value_heads" in names:
        changes = {
            "num_key_value_heads": HEADS,
            **changes,
        }  # what is read from one latent vector has a key for each head
    wanted = {name: SIZES[name] for name in names & SIZES.keys() if _is_set(default, name)}
    wanted |= {name: 0.0 for name in names if "drop" in name and isinstance(default[name], float)}
    lists = {name: default[name] for name in names if _is_by_layer(default, name)}
    if lists:
        layers = max(2, *(len({str(one) for one in value}) for value in lists.values()))
        wanted |= {name: _each_kind_once(value, layers) for name, value in lists.items()}
        wanted |= {name: layers for name in names & {"num_hidden_layers", "n_layer", "num_layers", "n_layers"}}
    parts = getattr(config_class, "sub_configs", {})
    for name, part_class in parts.items():
        if default.get(name) is None:
            continue
        part = type(default[name]) if part_class.__name__ == "AutoConfig" else part_class
        own = changes.get(name, {})
        wanted[name] = {**_shrink(part, own), "model_type": part.model_type}
    return {**wanted, **{name: value for name, value in changes.items() if name not in parts}}


def _default(config_class: Any, changes: dict[str, Any]) -> Any:
    try:
        return config_class()
    except Exception:  # some defaults contradict themselves
        return config_class(**changes)


def _is_set(default: dict[str, Any], name: str) -> bool:
    value = default[name]
    return value is not None and not isinstance(value, bool | list) or name.endswith("token_id")


def _is_by_layer(default: dict[str, Any], name: str) -> bool:
    """Whether a list has an entry for each layer; one that counts the layers is none."""
    value = default[name]
    return (
        isinstance(value, list)
        and len(value) > 2
        and len(value) == default.get("num_hidden_layers") != len({*map(str, value)})
    )


def _each_kind_once(values: list[Any], length: int) -> list[Any]:
    kinds = list({str(value): value for value in values}.values())
    return (kinds + [kinds[-1]] * length)[:length]


def make_model(kind: str, folder: Path) -> Path:
    """Make a tiny model of a kind, with the tokenizer of the bytes, in a folder."""
    import torch
    from tiny import _byte_tokenizer
    from transformers import AutoModelForCausalLM

    config = shrink(kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
        for value in model.parameters():
            if value.dim() > 1 and value.is_floating_point():
                value.data.normal_(0, 0.1)
    model.save_pretrained(folder)
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)  # a text model made of a whole one's config says of itself that it is a text model
    _byte_tokenizer().save_pretrained(folder)
    return folder
