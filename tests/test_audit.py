"""`make audit` says how many versions it could look up, and fails where a weakness is known."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
GOOD = {"name": "numpy", "version": "2.0", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found on PyPI and could not be audited: odd (1)"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(
    ("found", "status", "facts"),
    [
        ([GOOD, GOOD], 0, ["2 versions", "0 weaknesses"]),
        ([GOOD, WEAK, SKIPPED], 1, ["old 1.0: PYSEC-1, fixed in 1.1", "2 versions", "1 weaknesses", "odd"]),
        ([SKIPPED, SKIPPED], 0, ["No version was looked up", "not found on PyPI"]),
        ([], 0, ["No version was looked up"]),
    ],
)
def test_what_was_looked_up_is_said(
    audit: ModuleType, found: list[dict[str, object]], status: int, facts: list[str]
) -> None:
    lines, said = audit.judge(found)
    assert said == status
    assert [fact for fact in facts if fact not in "\n".join(lines)] == []


def test_licences_are_listed(audit: ModuleType) -> None:
    listed = audit.list_licences()
    assert any("pydantic" in names for names in listed.values()) and len(listed) > 3
