"""Whether a model can be tuned here, before anything is loaded: its config, the names of its weights, its tokenizer.

The weights are tried on torch's meta device: transformers matches the names in the files with those that the model has,
and reads no number. Answers are kept for as long as the files stay as they are.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.errors import ModelError, first_line
from studio.models.architecture import LOCK, Sizes, build_model, parse_config, read_config_text, read_sizes
from studio.models.causality import check_causal
from studio.models.libraries import quiet_libraries
from studio.models.loading import check_names, load_tokenizer
from studio.models.reference import read_config
from studio.models.stored import check_stored, read_stored
from studio.models.weights_file import list_weights, read_header

_LISTED = 3
"""So many names are named."""


def check_model(folder: Path) -> Sizes:
    """Return the sizes of the model of a folder. Raises ModelError in words if it can't be tuned."""
    config = read_config_text(folder)
    stored = read_stored(read_config(folder))
    check_stored(stored)
    check_causal(config)
    sizes = read_sizes(config)
    seen = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.iterdir()) if path.is_file())
    _check_files(folder, seen, sizes.rows, "" if stored else config)
    return sizes


@lru_cache(maxsize=64)
def _check_files(folder: Path, seen: object, rows: int, config: str) -> None:
    if config and any(folder.glob("*.safetensors")):
        check_names(_try_loading(folder, config))
    check_tokens(load_tokenizer(folder), rows)


def _try_loading(folder: Path, config: str) -> dict[str, Any]:
    """What transformers tells of the names in the files and those of the model."""
    import torch

    quiet_libraries()
    with LOCK, torch.device("meta"):
        kind = type(build_model(config))
    try:
        shapes = {name: shape for path in list_weights(folder) for name, shape in read_header(path).shapes.items()}
        weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        with LOCK:  # meanwhile transformers makes no model whose head is its table of words
            _, told = kind.from_pretrained(
                None, config=parse_config(config), state_dict=weights, device_map="meta", output_loading_info=True
            )
    except Exception as error:  # the files may be anybody's
        raise ModelError(f"The model in {folder} can't be loaded: {first_line(error)}", field="model") from None
    return dict(told)


def check_tokens(tokenizer: Any, rows: int) -> None:
    """Raise ModelError in words where a tokenizer can write tokens that the model has no row for.

    A special token that neither begins or ends a text nor is in the chat template is never written.
    """
    vocabulary = tokenizer.get_vocab()
    beyond = {token: number for token, number in vocabulary.items() if number >= rows}
    if not beyond:
        return
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    used, template = {tokenizer.bos_token, tokenizer.eos_token}, str(tokenizer.chat_template or "")
    written = sorted(token for token in beyond if token not in special or token in used or token in template)
    if written:
        raise ModelError(
            f"The tokenizer has {max(vocabulary.values()) + 1:,} tokens, the model {rows:,}: it can't read "
            f"{', '.join(map(repr, written[:_LISTED]))}. Choose the tokenizer that the model was saved with, or resize "
            "the model (resize_token_embeddings) and save it again.",
            field="model",
        )
