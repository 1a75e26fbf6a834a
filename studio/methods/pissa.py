"""PiSSA's start and its conversion to a plain LoRA (Meng et al. 2024, arXiv:2404.02948).

The pair begins as the layer's largest singular directions, which are taken out of the frozen weight. What is saved is
the difference to that start, a LoRA of twice the rank on the untouched base: W + s (B A - B0 A0) = W + s [B, B0]
[A; -A0]. So base and tuned are side by side on one copy of the weights, and the file goes with every other program.
"""

import json
from pathlib import Path
from typing import Any

from studio.foreign import Original

READ_FROM = (Original("peft.tuners.lora.layer.LoraLayer.pissa_init", "0.21.2", "655b3f70fc7c"),)

_STATE = "training_state.safetensors"


def start(model: Any) -> None:
    """Let each pair of an attached model begin as its layer's largest directions, and take those out of the layer."""
    import torch
    from peft.tuners.lora import LoraLayer

    for layer in model.modules():
        if not isinstance(layer, LoraLayer):
            continue
        weight = layer.get_base_layer().weight
        first, second = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        scale, rank = layer.scaling["default"], len(first)
        turned = weight.data.T if layer.fan_in_fan_out else weight.data
        left, sizes, right = torch.linalg.svd(turned.float(), full_matrices=False)
        roots = (sizes[:rank] / scale).sqrt()
        rank = len(roots)
        with torch.no_grad():
            first.zero_()
            second.zero_()
            first[:rank] = roots[:, None] * right[:rank]
            second[:, :rank] = left[:, :rank] * roots
            taken = scale * (second.float() @ first.float())
            weight -= (taken.T if layer.fan_in_fan_out else taken).to(weight.dtype)
    model.pissa_start = {name: value.detach().clone() for name, value in _read_pairs(model).items()}


def convert(model: Any, folder: Path) -> None:
    """Rewrite the checkpoint that peft saved as a plain LoRA on the untouched base; keep its own pair beside it."""
    import torch
    from safetensors.torch import save_file

    pairs = {name: value.detach().cpu().contiguous() for name, value in _read_pairs(model).items()}
    begun = {name: value.cpu() for name, value in model.pissa_start.items()}
    save_file({**pairs, **{f"start.{name}": value for name, value in begun.items()}}, folder / _STATE)
    plain = {
        name: torch.cat([value, -begun[name]]) if "lora_A" in name else torch.cat([value, begun[name]], dim=1)
        for name, value in pairs.items()
    }
    save_file(plain, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config |= {"r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"]}
    file.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def restore(model: Any, folder: Path) -> bool:
    """Put the pair of a checkpoint back into an attached model."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    kept = load_file(folder / _STATE)
    set_peft_model_state_dict(model, {name: value for name, value in kept.items() if not name.startswith("start.")})
    return True


def _read_pairs(model: Any) -> dict[str, Any]:
    """The tensors of every pair by the names that peft saves them under."""
    from peft import get_peft_model_state_dict

    return dict(get_peft_model_state_dict(model, save_embedding_layers=False))
