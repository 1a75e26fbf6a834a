"""Make requirements.txt from pyproject.toml and constraints.txt; with --freeze, first make constraints.txt itself.

    python .ci/requirements.py            write requirements.txt
    python .ci/requirements.py --freeze   write constraints.txt from what is installed here, then requirements.txt

Knows the two files and nothing of the studio. Names are decided in pyproject.toml, versions by whoever installed what
`--freeze` reads.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Made by `make requirements` from pyproject.toml and constraints.txt; a test keeps them in step. Don't edit.
"""
FREEZE_HEADER = """\
# The exact version of everything the studio installs, its tests included. Made by `make freeze`, see README.md.
# torch has no `+cpu` or `+cu` suffix: pip takes the build that fits the machine.
# pydantic stays at 2.12.5 or below: a Hugging Face Space adds gradio[mcp], which allows nothing newer.
"""
# Needed only on other Pythons or systems than the one that froze, or by `make long` alone, so a freeze can't see them.
ELSEWHERE = {
    "appnope": "0.1.4",  # ipykernel on macOS
    "audioop-lts": "0.2.2",  # gradio on Python 3.13 and later
    "colorama": "0.4.6",  # tqdm, click and pytest on Windows
    "xllamacpp": "2026.10.11549",  # a real llama.cpp for the longest tests, where there is a wheel of it
}
# Needed only where the endpoints are tools of an MCP server (`pip install -c constraints.txt -e ".[mcp]"`).
FOR_MCP = {
    "cffi": "2.1.1",
    "cryptography": "50.0.2",
    "httpx-sse": "0.4.3",
    "mcp": "1.30.0",
    "pycparser": "3.12",
    "pydantic-settings": "2.16.3",
    "PyJWT": "2.15.1",
    "python-dotenv": "1.2.4",
    "sse-starlette": "3.7.0",
}
# Chosen by torch itself, exactly, where it comes with CUDA.
LEFT_TO_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def normal(name: str) -> str:
    """Return a package name in the one spelling of PEP 503: rouge_score and Rouge-Score are rouge-score."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_constraints() -> dict[str, str]:
    """Return {normal name: version} of constraints.txt."""
    lines = (line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normal(name): version for name, version in pairs}


def requirements() -> str:
    """Return what requirements.txt must say."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    versions = read_constraints()
    return HEADER + "".join(f"{name}=={versions[normal(name)]}\n" for name in declared)


def freeze() -> str:
    """Return what constraints.txt should say for the packages installed beside this Python."""
    command = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable", "--exclude=pip"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = dict(re.sub(r"\+\w+$", "", line).split("==") for line in lines if "==" in line)
    kept = {name: version for name, version in found.items() if not LEFT_TO_TORCH.match(normal(name))}
    every = {**ELSEWHERE, **FOR_MCP, **kept}
    return FREEZE_HEADER + "".join(f"{name}=={every[name]}\n" for name in sorted(every, key=normal))


def main() -> None:
    """Write the files."""
    if "--freeze" in sys.argv[1:]:
        (ROOT / "constraints.txt").write_text(freeze())
    (ROOT / "requirements.txt").write_text(requirements())


if __name__ == "__main__":
    main()
