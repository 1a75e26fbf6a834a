"""The page's scripts and styles: where they are served, that nothing else is, and the rules they keep."""

import re
from graphlib import CycleError
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from setuptools import Distribution

from studio.ui.frame.bundle import BUNDLE, write_bundle
from studio.ui.frame.scripts import make_route, read_files, write_address, write_loader

ROOT = Path(__file__).resolve().parents[1]
LONGEST_LINE = 120
SCRIPTS = sorted((ROOT / "studio").rglob("*.js"))
FILES = [*SCRIPTS, *sorted((ROOT / "studio").rglob("*.css"))]


@pytest.fixture
def client() -> TestClient:
    """An app that has the route alone."""
    return TestClient(FastAPI(routes=[make_route()]))


@pytest.mark.parametrize("name", [BUNDLE, "steps/data/rows.js", "steps/train/page.css"])
def test_a_file_is_served_for_ever_under_its_version(client: TestClient, name: str) -> None:
    answer = client.get(f"/{write_address(name)}")
    assert answer.status_code == 200 and answer.content == read_files().texts[name]
    kind = "javascript" if name.endswith(".js") else "css"
    assert kind in answer.headers["content-type"] and "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "{version}/frame/draft.py",
        "{version}/frame/../page.py",
        "{version}/..%2F..%2Fapp.py",
        "{version}/%2Fetc%2Fpasswd",
        "{version}/",
        "000000000000/frame/frame.js",
        "frame/frame.js",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/studio/{path.format(version=read_files().version)}").status_code == 404


def test_addresses_are_relative_so_that_a_prefix_before_the_page_does_no_harm() -> None:
    assert not write_address(BUNDLE).startswith("/") and "://" not in write_address(BUNDLE)
    assert "document.baseURI" in write_loader("steps/data/rows.js")


@pytest.mark.parametrize("prefix", ["", "/studio-of-ours"])
def test_the_page_finds_its_scripts_behind_a_prefix_that_the_proxy_keeps(prefix: str) -> None:
    app = FastAPI()
    app.mount(prefix or "/", FastAPI(routes=[make_route()]))
    assert TestClient(app).get(f"{prefix}/{write_address(BUNDLE)}").status_code == 200


def test_a_script_that_is_not_there_is_named() -> None:
    with pytest.raises(KeyError, match="steps/data/row.js"):
        write_address("steps/data/row.js")


def test_a_component_gets_the_events_it_names() -> None:
    loader = write_loader("steps/compare/ask_form.js", ("asked", "halted"))
    assert "'asked'" in loader and "'halted'" in loader


def test_the_version_is_of_all_files() -> None:
    page = ROOT / "studio" / "ui"
    there = {path.relative_to(page).as_posix() for path in FILES if path.is_relative_to(page)}
    assert {*there, BUNDLE} == set(read_files().texts)
    assert re.fullmatch(r"[0-9a-f]{12}", read_files().version)


def test_the_bundle_calls_each_module_once_after_those_it_imports() -> None:
    words = "export const one = 1;\nexport async function two() {}\nexport {};\n"
    use = 'import "./side.js";\nimport { one, two as deux } from "../frame/words.js";\nexport class Use {}\n'
    side = "document.title = 'import this';\n"
    bundle = write_bundle({"steps/use.js": use, "frame/words.js": words, "steps/side.js": side})
    assert bundle.index('modules["frame/words.js"] =') < bundle.index('modules["steps/use.js"] =')
    assert bundle.index('modules["steps/side.js"] =') < bundle.index('modules["steps/use.js"] =')
    assert 'const { one, two: deux } = modules["frame/words.js"];' in bundle
    assert "return { one, two };" in bundle and "return { Use };" in bundle and "return {  };" in bundle


@pytest.mark.parametrize(
    "line", ['export { one } from "./words.js";', "export default 1;", 'import all from "./words.js";', "export let x;"]
)
def test_the_bundle_refuses_what_it_does_not_understand(line: str) -> None:
    with pytest.raises(ValueError, match=r"odd\.js"):
        write_bundle({"odd.js": f"{line}\n"})


def test_the_bundle_refuses_modules_that_import_each_other() -> None:
    with pytest.raises(CycleError):
        write_bundle({"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'})


def test_an_installed_studio_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    built = Distribution()
    built.parse_config_files()
    command = built.get_command_obj("build_py")
    command.ensure_finalized()
    command.manifest_files = {}
    folders = {package: package.replace(".", "/") for package in built.packages}
    packed = {ROOT / found for package, folder in folders.items() for found in command.find_data_files(package, folder)}
    assert set(FILES) <= packed


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_lines_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_is_checked_says_what_it_knows_and_makes_no_global(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r"// @ts-check\n// [A-Z][^.]*(\n// [^.]*)*\.", text), "It opens with // @ts-check and a sentence."
    made = set(re.findall(r"(?:window|globalThis)\.(\w+) (?:\?\?)?= ", text))
    assert made <= {"fetch"}, "It makes a global; export what others need."
