"""Loading a base model and its tokenizer at a precision, on the device that was found.

Safetensors only, never the author's code. Imports torch and transformers inside its functions.
"""

import gc
from pathlib import Path
from typing import Any

from studio.errors import ModelError, RecipeError, first_line, is_panic
from studio.models.architecture import LOCK, describes_encoder, parse_config, read_config_text
from studio.models.architecture import find_context as find_limit
from studio.models.causality import check_class, is_doubtful, looks_ahead, refuse_looking_ahead
from studio.models.device import DeviceFacts, is_out_of_memory
from studio.models.encoders import check_pooling, find_class
from studio.models.hub import fetch_model_folder
from studio.models.libraries import import_libraries, quiet_libraries
from studio.models.reference import ModelRef, check_folder, read_config
from studio.models.stored import check_kept_as_stored, check_stored, read_stored
from studio.precisions import Precision

LISTED = 3
"""So many missing weights are named."""
SHORT_ROW = 256
"""Up to this many tokens, a processor trains faster without the fused attention (a fifth faster at 50)."""


def find_model_folder(ref: ModelRef) -> Path:
    """Return the folder of the whole model, fetching it from the hub if needed. Raises ModelError in words."""
    return ref.find_folder() or check_folder(fetch_model_folder(ref.ref, ref.revision))


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a folder, with a padding token. Raises ModelError in words."""
    import_libraries()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except BaseException as error:  # the file may be anybody's; tokenizers raises bare Exceptions, and panics
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise ModelError(f"The tokenizer in {folder} can't be loaded: {first_line(error)}", field="model") from None
    if (folder / "config.json").is_file() and describes_encoder(read_config_text(folder)):
        check_pooling(folder)
        tokenizer.reads_whole = True
        tokenizer.eos_token = tokenizer.eos_token or tokenizer.sep_token
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer in {folder} has no end token (eos), so the model could never learn to stop. Set "
            "eos_token in its tokenizer_config.json.",
            field="model",
        )
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= _count_words(folder):
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _count_words(folder: Path) -> int:
    """How many tokens the model of a folder says it knows; a billion where it doesn't say."""
    if not (folder / "config.json").is_file():
        return 10**9
    return int(getattr(parse_config(read_config_text(folder)).get_text_config(), "vocab_size", None) or 10**9)


def load_base(folder: Path, precision: Precision, device: DeviceFacts, gradients: bool = False) -> Any:
    """Return the frozen base model of a folder. Raises ModelError in words.

    `gradients` prepares a quantised base so that gradients reach the adapters below it.
    """
    import_libraries()
    from transformers import AutoModelForCausalLM

    from studio.models.wide import widen_products

    quiet_libraries()
    config, stored = read_config_text(folder), read_stored(read_config(folder))
    check_class(config)
    check_stored(stored)
    check_kept_as_stored(stored, precision.name)
    arguments = {"device_map": {"": device.kind}, **precision.load_arguments(device.kind, device.half)}
    if stored:
        del arguments["quantization_config"]
    try:
        with LOCK:  # transformers sets torch's own dtype meanwhile, and so does whoever counts a model
            kind: Any = find_class(type(parse_config(config))) if describes_encoder(config) else AutoModelForCausalLM
            more = {} if describes_encoder(config) else {"trust_remote_code": False}
            model, told = kind.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **more, **arguments
            )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(f"The model in {folder} can't be loaded: {first_line(error)}", field="model") from None
    if not stored:
        check_names(told)
    if precision.quantised:
        check_codes(model, precision.title)
    precision.after_load(model)
    widen_products(model, device)
    model.requires_grad_(False)
    model.eval()
    if not describes_encoder(config) and is_doubtful(model) and looks_ahead(model):
        raise refuse_looking_ahead(model.config)
    if gradients and precision.quantised:
        model.enable_input_require_grads()
    return model


def check_names(told: dict[str, Any]) -> None:
    """Raise ModelError in words where weights that a model needs aren't in its files, and would be drawn at random."""
    missing = sorted(told["missing_keys"])
    if missing:
        more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        raise ModelError(
            f"The files of this model have no {', '.join(missing[:LISTED])}{more}, so that part would begin with "
            "random numbers: it was saved without its language-model head, or for another purpose. Choose the causal "
            "language model it was made from.",
            field="model",
        )


def check_codes(model: Any, title: str) -> None:
    """Raise RecipeError in words where not one weight of a loaded model was made a code."""
    if not any(type(module).__module__.startswith("bitsandbytes.") for module in model.modules()):
        raise RecipeError(
            f"{title} reaches no layer of this model: they are of classes of their own. Choose 16 or 32 bits.",
            field="precision",
        )


def find_context(model: Any) -> int:
    """Return how many tokens a loaded model can read and write in all; a billion where it sets no limit."""
    return find_limit(model) or 10**9


def list_end_tokens(model: Any) -> set[int]:
    """Return the tokens after which a loaded model, as its authors left it, writes no more."""
    ends = model.generation_config.eos_token_id if model.can_generate() else None
    return {ends} if isinstance(ends, int) else set(ends or ())


def leave_a_core(device: DeviceFacts) -> None:
    """Compute on all cores but one, which is the page's: threads that wait for one that lost its core lose far more."""
    import torch

    torch.set_num_threads(max(1, device.cores - 1))


def attends_plainly(device: DeviceFacts, longest: int, wanted: str = "auto") -> bool:
    """Whether attention is computed plainly: a processor's way back of the fused kernel costs more on short rows."""
    return wanted == "eager" or (wanted == "auto" and device.kind == "cpu" and longest <= SHORT_ROW)


def choose_attention(model: Any, device: DeviceFacts, longest: int, wanted: str = "auto") -> None:
    """Let a model compute attention as `wanted`. Raises RecipeError in words where it can't."""
    plain = attends_plainly(device, longest, wanted)
    if wanted == "auto" and not plain:
        return
    try:
        model.set_attn_implementation("eager" if plain else wanted)
    except (ImportError, ValueError) as error:
        raise RecipeError(
            f"This model can't compute attention by {wanted!r} here: {first_line(error)} Choose auto.",
            field="training.attention",
        ) from None


def return_memory() -> None:
    """Give back what this process held and nobody uses any more, a graphics card's memory too; torch is loaded."""
    import torch

    gc.collect()  # models refer to themselves
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
