"""Taking models away from another program, as named endpoints: exports that come as files.

What isn't written yet is put into the queue, and the answer comes when it is.
"""

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from studio.service import Studio
from studio.ui.frame.visiting import Asking, seen_by


class AwayEndpoints:
    """The endpoints by which a model leaves; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def export(self, model: str, form: str, request: Asking, options: dict | None = None) -> dict:
        """A model as one file: adapter, merged, gguf, ollama, recipe, script or notebook.

        `model` is an address, such as "run:brave-otter@120"; `options` are the form's own, such as {"numbers": "f16"}.
        """
        return hand_out(seen_by(self._studio, request).exports.export(model, form, options))


def hand_out(file: Path) -> dict:
    """Return a file as a program can download it: a copy of it lies where gradio hands files out."""
    return {
        "path": save_file_to_cache(file, get_upload_folder()),
        "orig_name": file.name,
        "size": file.stat().st_size,
        "meta": {"_type": "gradio.FileData"},
    }
