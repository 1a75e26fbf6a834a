"""The papers of a Space, the pinned versions, and what the Makefile does, tried with a Python that only takes notes."""

import os
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DEPENDENCIES = runpy.run_path(str(ROOT / ".ci" / "requirements.py"))
# https://huggingface.co/docs/hub/spaces-config-reference
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def read_front_matter() -> dict[str, object]:
    """Return the settings of the Space, from the head of the README."""
    found = re.match(r"---\n(.*?)\n---\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found, "README.md doesn't open with the settings of a Space."
    settings = yaml.safe_load(found[1])
    assert isinstance(settings, dict)
    return settings


def test_the_requirements_follow_from_the_one_list() -> None:
    message = "Run `make requirements`: pyproject.toml or constraints.txt has changed."
    assert (ROOT / "requirements.txt").read_text() == DEPENDENCIES["requirements"](), message


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert not [name for name in declared if not re.fullmatch(r"[A-Za-z0-9_-]+", name)], (
        "Versions go to constraints.txt."
    )
    versions = DEPENDENCIES["read_constraints"]()
    assert not [name for name in declared if DEPENDENCIES["normal"](name) not in versions]


def test_the_constraints_hold_anywhere() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    odd = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line)]
    assert not odd, f"No builds of one machine, no addresses, one version each: {odd}"
    assert "torch==2.13.0" in lines


def test_pydantic_is_one_that_a_space_takes() -> None:
    """A Space installs gradio[mcp], which refuses a newer one: https://huggingface.co/docs/hub/spaces-dependencies."""
    version = DEPENDENCIES["read_constraints"]()["pydantic"]
    assert tuple(map(int, version.split("."))) <= (2, 12, 5)


def test_what_tools_of_an_mcp_server_need_is_pinned() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["mcp"]
    versions = DEPENDENCIES["read_constraints"]()
    assert extra == ["gradio[mcp]"] and all(versions[name.lower()] for name in DEPENDENCIES["FOR_MCP"])


def test_the_space_starts_this_app_with_these_versions() -> None:
    settings = read_front_matter()
    assert settings["sdk"] == "gradio"
    assert settings["sdk_version"] == DEPENDENCIES["read_constraints"]()["gradio"]
    assert (ROOT / str(settings["app_file"])).is_file()
    assert isinstance(settings["python_version"], str), "Quote it, or YAML reads 3.10 as 3.1."
    assert tuple(map(int, settings["python_version"].split("."))) >= (3, 11)
    assert settings["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"].lower()


def test_the_space_accepts_its_settings() -> None:
    settings = read_front_matter()
    assert settings["title"] and settings["emoji"]
    assert {settings["colorFrom"], settings["colorTo"]} <= COLOURS
    assert len(str(settings["short_description"])) <= 60
    assert "preload_from_hub" not in settings, "The built-in base is in the folder: nothing is downloaded to start."


def test_the_licence_is_the_plain_apache_one() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert len(text) == 11_358 and "Apache License\n                           Version 2.0, January 2004" in text


NOTE_TAKER = """\
#!/bin/sh
# A Python for the Makefile's tests: installs nothing, writes down what it was asked.
printf '%s\\n' "$*" >> notes
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *conftest.py) exit "${NO_CHROMIUM:-0}" ;;
    *" install "*) exit "${NO_NETWORK:-0}" ;;
    app.py) echo "started with $GRADIO_SERVER_PORT" ;;
esac
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what `make` reads, in a folder with a blank in its name, with the note-taking Python."""
    if shutil.which("make") is None:
        pytest.skip("There is no make here.")
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    (folder / "python").write_text(NOTE_TAKER)
    (folder / "python").chmod(0o755)
    return folder


def make(house: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make with the note-taking Python and without what this process was told."""
    told = {"CI", "PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS"}
    clean = {name: value for name, value in os.environ.items() if name not in told}
    command = ["make", "PYTHON=./python", *words]
    return subprocess.run(command, cwd=house, env=clean | environment, capture_output=True, text=True, timeout=120)


def read_notes(house: Path, about: str) -> list[str]:
    """Return what the Python was asked that has the word in it."""
    return [line for line in (house / "notes").read_text().splitlines() if about in line]


def test_run_installs_once_and_starts_twice(house: Path) -> None:
    for _ in range(2):
        done = make(house, "run", GRADIO_SERVER_PORT="7999")
        assert done.returncode == 0, done.stderr
        assert "started with 7999" in done.stdout
    assert read_notes(house, "install") == ["-m pip --disable-pip-version-check install -c constraints.txt -e ."]
    assert len(read_notes(house, "-m venv")) == 1
    assert len(read_notes(house, "app.py")) == 2


def test_a_changed_pin_is_installed(house: Path) -> None:
    make(house, "run")
    stamp = (house / ".venv" / ".installed").stat().st_mtime
    os.utime(house / "constraints.txt", (stamp + 1, stamp + 1))
    make(house, "run")
    assert len(read_notes(house, "install")) == 2


def test_a_failed_installation_is_tried_again(house: Path) -> None:
    done = make(house, "run", NO_NETWORK="1")
    assert done.returncode != 0 and "The installation failed" in done.stderr
    assert not read_notes(house, "app.py")
    assert make(house, "run").returncode == 0


def test_an_old_python_is_refused_in_words(house: Path) -> None:
    done = make(house, "run", "PYTHON=false")
    assert done.returncode != 0
    assert "needs Python 3.11 or later" in done.stderr
    assert not (house / ".venv").exists()


def test_the_tests_get_all_they_need(house: Path) -> None:
    done = make(house, "test", "ARGS=tests/test_house_words.py")
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in read_notes(house, "install")] == [".[dev]"]
    assert read_notes(house, "-m pytest") == [
        "-m pytest -m not long -n 2 --dist loadscope --no-loadscope-reorder tests/test_house_words.py"
    ]
    make(house, "run")
    assert len(read_notes(house, "install")) == 1, "What the tests need includes what the studio needs."


def without_apt(house: Path) -> str:
    """Return a PATH on which nothing can be installed: it has what the Makefile calls, and no apt-get."""
    tools = house / "tools"
    tools.mkdir()
    for name in ("make", "sh", "id", "cat", "mkdir", "cp", "touch", "env"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return str(tools)


def test_without_chromium_the_tests_run_and_it_is_said(house: Path) -> None:
    done = make(house, "test", NO_CHROMIUM="1", PATH=without_apt(house))
    assert "playwright install chromium" in done.stderr and "SKIPPED" in done.stderr
    assert done.returncode == 0 and read_notes(house, "-m pytest")


def test_without_chromium_ci_fails(house: Path) -> None:
    done = make(house, "test", NO_CHROMIUM="1", CI="true", PATH=without_apt(house))
    assert done.returncode != 0 and "CI is set, so this is an error." in done.stderr
    assert not read_notes(house, "-m pytest")
    assert "--quiet" in read_notes(house, "install")[0]


def test_help_names_every_command_that_the_readme_gives(house: Path) -> None:
    help_text = make(house, "help").stdout
    given = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"run", "test", "check"} <= given
    assert not [word for word in given - {"help", "chromium"} if f"make {word} " not in help_text]


def test_what_the_makefile_runs_is_there() -> None:
    for name in re.findall(r"-m (studio[\w.]*)", (ROOT / "Makefile").read_text(encoding="utf-8")):
        path = ROOT / name.replace(".", "/")
        assert (path / "__main__.py").is_file() or path.with_suffix(".py").is_file(), f"python -m {name} runs nothing."
