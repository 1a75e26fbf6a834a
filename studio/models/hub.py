"""Fetching from the Hugging Face Hub, with every failure in words.

Knows huggingface_hub and the files a safe model has. A model that is already in the local cache needs no network.
"""

import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from studio.errors import ModelError

MOST_HITS = 12
PATIENCE = 10.0
"""Seconds until a search is given up."""
NO_TOKEN = "HF_HUB_DISABLE_IMPLICIT_TOKEN"
MOST_BESIDE, STAYS_FREE = 300_000_000, 2_000_000_000
"""Bytes of config and tokenizer together; and of the disk that no model is fetched into."""
_FILES = ["*.json", "model*.safetensors", "tokenizer.model", "*.txt", "*.jinja", "LICENSE*", "README.md"]
_FOLDERS: dict[tuple[str, str | None], Path] = {}
T = TypeVar("T")


def fetch_config_folder(repo: str, revision: str | None) -> Path:
    """Return a cached folder that holds the hub model's config.json and tokenizer, fetching them if needed.

    The hub is asked once a session: estimates come with every keystroke.
    """
    from huggingface_hub import snapshot_download

    known = _FOLDERS.get((repo, revision))
    if known is None or not (known / "config.json").is_file():
        small = [pattern for pattern in _FILES if not pattern.endswith(".safetensors")]
        _check_size(repo, revision, small, MOST_BESIDE, "beside the weights")
        known = Path(_in_words(repo, lambda: snapshot_download(repo, revision=revision, allow_patterns=small)))
        _FOLDERS[repo, revision] = known
    return known


def fetch_model_folder(repo: str, revision: str | None) -> Path:
    """Return a cached folder that holds the whole hub model (safetensors only), fetching it if needed."""
    from huggingface_hub import snapshot_download

    _check_size(repo, revision, _FILES, _count_room(), "of the model")
    return Path(_in_words(repo, lambda: snapshot_download(repo, revision=revision, allow_patterns=_FILES)))


def _check_size(repo: str, revision: str | None, patterns: list[str], most: int, which: str) -> None:
    """Raise ModelError where what is to be fetched is more than `most` bytes; where nobody knows, fetching says why."""
    from huggingface_hub import snapshot_download

    try:
        files = snapshot_download(repo, revision=revision, allow_patterns=patterns, dry_run=True)
    except Exception:  # offline, not there, not open: the words for that are the fetching's own
        return
    size = sum(file.file_size or 0 for file in files if file.will_download)
    if size > most:
        raise ModelError(
            f"{repo}: the files {which} are {size / 1e9:,.1f} GB; here at most {max(0, most) / 1e9:,.1f} GB can be "
            "fetched. Choose a smaller model, or free some space.",
            field="model",
        )


def _count_room() -> int:
    """Return how many bytes the hub's cache may still take: what is free of its disk, but for a rest."""
    from huggingface_hub.constants import HF_HUB_CACHE

    place = Path(HF_HUB_CACHE)
    return shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free - STAYS_FREE


def fetch_size(repo: str, revision: str | None) -> tuple[int, int] | None:
    """Return (parameters, bytes) from the hub's safetensors headers, None where they can't be had."""
    try:
        return _fetch_size(repo, revision)
    except Exception:  # the size is a courtesy: without it the page says "unknown"
        return None


@lru_cache(maxsize=256)
def _fetch_size(repo: str, revision: str | None) -> tuple[int, int]:
    from huggingface_hub import get_safetensors_metadata

    found = get_safetensors_metadata(repo, revision=revision)
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1}
    return sum(found.parameter_count.values()), sum(n * sizes.get(kind, 2) for kind, n in found.parameter_count.items())


class Hit(NamedTuple):
    """A model that the hub found: its id, how often it was downloaded of late, whether its terms come first."""

    ref: str
    downloads: int
    gated: bool


def search_models(text: str, most: int = MOST_HITS) -> list[Hit]:
    """Return the hub's models that write text and whose names hold `text`, the most downloaded first.

    Raises ModelError where the hub can't be asked.
    """
    from huggingface_hub import constants, utils

    asked = {"search": text, "pipeline_tag": "text-generation", "filter": "safetensors", "sort": "downloads"}
    options = {"limit": most, "expand": ["downloads", "gated"]}

    def ask() -> list[Hit]:  # once: HfApi.list_models tries for half a minute where there is no network
        address, headers = f"{constants.ENDPOINT}/api/models", utils.build_hf_headers()
        answer = utils.get_session().get(address, params={**asked, **options}, headers=headers, timeout=PATIENCE)
        utils.hf_raise_for_status(answer)
        return [Hit(found["id"], found.get("downloads") or 0, bool(found.get("gated"))) for found in answer.json()]

    return _in_words(text, ask)


def is_token_kept() -> bool:
    """Whether this studio asks the hub as nobody, its operator's token kept back."""
    return os.environ.get(NO_TOKEN) == "1"


def _in_words(repo: str, fetch: Callable[[], T]) -> T:
    from huggingface_hub import errors

    try:
        return fetch()
    except errors.GatedRepoError:
        way = (
            "This studio asks the hub without its operator's token, so choose a model that is open to all."
            if is_token_kept()
            else "Open its page on the hub, accept, then set HF_TOKEN in the environment and start the studio again."
        )
        raise ModelError(
            f"{repo} is gated: its owner asks you to accept a licence first. {way}", field="model"
        ) from None
    except errors.RepositoryNotFoundError:
        way = "." if is_token_kept() else ", or set HF_TOKEN if it is private."
        raise ModelError(
            f"The hub knows no model {repo!r}. Check the spelling (owner/name){way}", field="model"
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelError(
            f"{repo} has no such revision. Leave the revision empty for the newest.", field="model"
        ) from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.HTTPError, OSError):
        raise ModelError(
            f"{repo!r} is not on this computer, and the hub can't be reached. Connect to the internet and try "
            "again, or choose the built-in model, which needs no network.",
            field="model",
        ) from None
    except errors.HFValidationError as error:
        raise ModelError(f"{repo!r} is not a hub id: {error}", field="model") from None
