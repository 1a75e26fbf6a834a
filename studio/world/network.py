"""The network of the built-in base model, and the forward pass in which it is trained.

Knows: the shape (a small Llama), its first weights, and how to compute loss and gradients fast on a processor.
Does not know: the data, the schedule, the optimizers (`pretraining.py`).
The saved model is a plain `LlamaForCausalLM`; what is special here is used in training only and changes no result:
attention as matrix products (bf16 products are much faster than the fused kernel on processors that have them), and the
loss in pieces, so that a piece of the logits stays in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM

PIECE_TOKENS = 512


@dataclass(frozen=True)
class Shape:
    """The sizes of the network; the defaults are those of the built-in base model, 5.5 million weights."""

    vocabulary: int = 4096
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    head_size: int = 64
    intermediate: int = 704
    max_tokens: int = 1024


def _attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """Causal attention over whole windows, as plain matrix products. Shapes: (batch, heads, tokens, head size)."""
    repeats, tokens = query.shape[1] // key.shape[1], query.shape[2]
    key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    scores = torch.matmul(query * scaling, key.transpose(2, 3))
    position = torch.arange(tokens)
    scores = scores.masked_fill(position[None, :] > position[:, None], float("-inf"))
    weights = torch.softmax(scores.float(), -1).to(query.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


class _PiecewiseLoss(torch.autograd.Function):
    """Mean cross-entropy of `hidden @ weight.T`, its gradients computed on the way, piece by piece."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        count = hidden.shape[0]
        small_weight, small_hidden = weight.to(torch.bfloat16), hidden.to(torch.bfloat16)
        hidden_gradient, weight_gradient = torch.empty_like(small_hidden), torch.zeros_like(weight)
        loss = 0.0
        for start in range(0, count, PIECE_TOKENS):
            piece = small_hidden[start : start + PIECE_TOKENS]
            right = target[start : start + PIECE_TOKENS, None]
            logits = (piece @ small_weight.T).float()
            logits.sub_(logits.amax(1, keepdim=True))
            right_logits = logits.gather(1, right)
            total = logits.exp_().sum(1, keepdim=True)
            loss += (total.log() - right_logits).sum().item()
            logits.mul_(1 / (total * count)).scatter_add_(1, right, torch.full_like(right_logits, -1 / count))
            gradient = logits.to(torch.bfloat16)
            hidden_gradient[start : start + PIECE_TOKENS] = gradient @ small_weight
            weight_gradient += gradient.T @ piece
        ctx.save_for_backward(hidden_gradient.to(hidden.dtype), weight_gradient)
        return torch.tensor(loss / count)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * outer[0], weight_gradient * outer[0], None


def build_network(shape: Shape, bos: int, eos: int, pad: int, seed: int = 0) -> LlamaForCausalLM:
    """The network with its first weights, the same for the same seed."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.head_size,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.max_tokens,
        tie_word_embeddings=True,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        initializer_range=0.04,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    network = LlamaForCausalLM(config)
    for name, weight in network.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            torch.nn.init.normal_(weight, std=0.02 / math.sqrt(2 * shape.layers))
    return network


def make_loss(network: LlamaForCausalLM, compiled: bool) -> Callable[[Tensor], Tensor]:
    """A function from windows of token ids, (batch, tokens + 1), to the mean loss of predicting each next token."""
    AttentionInterface.register("plain_products", _attend)
    network.set_attn_implementation("plain_products")
    body: Any = torch.compile(network.model) if compiled else network.model

    def loss(windows: Tensor) -> Tensor:
        inputs, targets = windows[:, :-1], windows[:, 1:]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = body(input_ids=inputs, use_cache=False).last_hidden_state
        result: Tensor = _PiecewiseLoss.apply(hidden.flatten(0, 1), network.lm_head.weight, targets.reshape(-1))
        return result

    return loss
