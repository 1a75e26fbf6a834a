"""A file that was uploaded: where it lies and what its owner calls it. Anything else on the disk is not taken."""

from pathlib import Path

from gradio.utils import get_upload_folder

from studio.errors import InputError


def check_upload(file: object) -> tuple[Path, str]:
    """Return path and name of a file that was uploaded here. Raises InputError for anything else on the disk."""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise InputError(
            'file must be an uploaded file; with gradio_client: file=handle_file("a_file_of_yours").',
            field="file",
        )
    try:
        found = Path(path).resolve()
        uploaded = found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (ValueError, OSError, RuntimeError):  # a NUL, a name longer than any, a loop of links
        uploaded = False
    if not uploaded:
        raise InputError("file must be uploaded to this studio first; a path on its disk is not taken.", field="file")
    name = file.get("orig_name") if isinstance(file, dict) else None
    return found, name if isinstance(name, str) and name else found.name
