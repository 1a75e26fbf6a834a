"""Pushing to the Hugging Face Hub: a folder becomes a repository, private unless it is wished otherwise.

All files appear in one commit, or none does; a public one is private until they are there. A second try sends what is
missing. The token is used and forgotten: it is in no file, log, event or error. Imports huggingface_hub in functions.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from studio.declaration import show
from studio.errors import DeviceError, InputError, first_line
from studio.tasks.library.writing import write_task
from studio.tasks.task import Task

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
TOKEN = re.compile(r"[\x21-\x7e]{8,300}")
Kind = Literal["model", "dataset"]


def push_file(file: Path, repo: str, token: str, private: bool, endpoint: str | None = None) -> str:
    """Push an exported file, a ZIP as the folder that it holds; return the address of its page.

    Raises InputError or DeviceError in words.
    """
    with TemporaryDirectory(dir=file.parents[1], prefix=".push-") as beside:
        folder = Path(beside)
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder)
            folder = folder / file.stem
        else:
            (folder / file.name).hardlink_to(file)
        return push_folder(folder, repo, token, private, "model", endpoint)


def push_task(task: Task, cache: Path, repo: str, token: str, private: bool, endpoint: str | None = None) -> str:
    """Push a task as a data set, in the form in which the studio reads it again; return the address of its page."""
    with TemporaryDirectory(dir=cache, prefix="push-") as beside:
        name, text = write_task(task)
        (Path(beside) / name).write_text(text, encoding="utf-8")
        about = f"---\ntags: [fine-tuning-studio]\n---\n\n# {task.heading}\n\n{len(task.instances):,} instances.\n"
        (Path(beside) / "README.md").write_text(about, encoding="utf-8")
        return push_folder(Path(beside), repo, token, private, "dataset", endpoint)


def push_folder(
    folder: Path, repo: object, token: object, private: object, kind: Kind, endpoint: str | None = None
) -> str:
    """Push a folder as a repository; return the address of its page. Raises InputError or DeviceError in words."""
    from huggingface_hub import HfApi

    checked = check_target(repo, token, private)
    api = HfApi(endpoint=endpoint, token=checked)
    with hub_errors_in_words(str(repo), checked):
        page = api.create_repo(str(repo), private=True, repo_type=kind, exist_ok=True)
        if private and api.repo_info(str(repo), repo_type=kind).private is False:
            raise InputError(
                f"{repo} is there already, and public. Choose another name, or say that it may be public.",
                field="private",
            )
        api.upload_folder(
            repo_id=str(repo), repo_type=kind, folder_path=folder, commit_message="From the Fine-Tuning Studio"
        )
        if not private:
            api.update_repo_settings(str(repo), private=False, repo_type=kind)
    return str(page)


def check_target(repo: object, token: object, private: object) -> str:
    """Return the token where all three can be what they say. Raises InputError in words, without the token."""
    if not isinstance(repo, str) or not REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise InputError(
            f"repo is the name of a repository, such as your-name/my-model, not {show(repo)}.", field="repo"
        )
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise InputError(
            "The token can't be one of the hub. Copy one that may write from huggingface.co/settings/tokens; it begins "
            "with hf_.",
            field="token",
        )
    if not isinstance(private, bool):
        raise InputError(f"private is true or false, not {show(private)}.", field="private")
    return token


@contextmanager
def hub_errors_in_words(repo: str, token: str) -> Iterator[None]:
    """Turn what the hub answers into words; the token stands in none of them."""
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise DeviceError(
            "This studio is set to work offline (HF_HUB_OFFLINE), so nothing can be pushed.", field="repo"
        ) from None
    except errors.HfHubHTTPError as error:
        raise _explain(_find_status(error), repo, first_line(error).replace(token, "...")) from None
    except (errors.HTTPError, OSError) as error:
        raise DeviceError(
            f"The hub can't be reached, or broke off: {first_line(error).replace(token, '...')}. Nothing of this "
            "push can be seen there. Check the connection and push again.",
            field="repo",
        ) from None


def _find_status(error: Any) -> int:
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)


def _explain(status: int, repo: str, told: str) -> InputError | DeviceError:
    if status == 401:
        return InputError("The hub doesn't accept this token. Make a new one that may write.", field="token")
    if status in (403, 404):
        return InputError(
            f"This token may not write to {repo}. Choose a name under your own account, or a token with the right to "
            "write.",
            field="repo",
        )
    return DeviceError(f"The hub refused: {told} Push again in a while.", field="repo")
