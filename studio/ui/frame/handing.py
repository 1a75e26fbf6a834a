"""Handing a file of the studio's out: a copy where gradio lets browsers and programs download from."""

from pathlib import Path
from typing import Any

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder


def hand_out(file: Path) -> dict[str, Any]:
    """Return a file as a program can download it: a copy of it lies where gradio hands files out."""
    return {
        "path": save_file_to_cache(file, get_upload_folder()),
        "orig_name": file.name,
        "size": file.stat().st_size,
        "meta": {"_type": "gradio.FileData"},
    }
