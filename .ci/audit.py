"""Look up the versions of constraints.txt in PyPI's advisory database, and list the licences of what is installed.

pip-audit is fetched into a temporary environment of its own: it is a tool, and no part of the studio. How many versions
could be looked up is always said: a mirror of PyPI has no advisories. Exit status: 1 where a weakness is known, else 0.
"""

import json
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
NOTHING = "No version was looked up: the advisory database can't be reached from here"


def main() -> int:
    """Audit, then list. Returns the exit status."""
    lines, status = audit()
    print("\n".join(lines), flush=True)
    print("\nLicences of what is installed, as the packages say them:")
    for licence, names in sorted(list_licences().items()):
        print(f"  {licence}: {', '.join(sorted(names))}")
    return status


def audit() -> tuple[list[str], int]:
    """Return what pip-audit found in words, and 1 if a pinned version has a known weakness."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python"
        fetch = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "pip-audit"]
        fetched = subprocess.run(fetch, capture_output=True, text=True, check=False)
        if fetched.returncode:
            return [f"{NOTHING} (pip-audit can't be installed: {_last_line(fetched.stderr)})."], 0
        asked = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "-f", "json", "-r", str(CONSTRAINTS)]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
    try:
        return judge(json.loads(told.stdout)["dependencies"])
    except (ValueError, KeyError):
        return [f"{NOTHING} ({_last_line(told.stderr)})."], 0


def judge(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return pip-audit's findings in words, how many versions it looked up among them, and the exit status."""
    skipped = [one for one in dependencies if "skip_reason" in one]
    weak = [(one, found) for one in dependencies for found in one.get("vulns", ())]
    looked_up = len(dependencies) - len(skipped)
    if not looked_up:
        return [f"{NOTHING} ({skipped[0]['skip_reason'] if skipped else 'nothing is pinned'})."], 0
    lines = [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none yet'}"
        for one, found in weak
    ]
    names = ", ".join(one["name"] for one in skipped)
    missing = f" Not looked up: {names}." if skipped else ""
    return [*lines, f"{looked_up} versions were looked up, {len(weak)} weaknesses are known.{missing}"], int(bool(weak))


def list_licences() -> dict[str, set[str]]:
    """Return the packages of each licence, as they say it themselves."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in distributions():
        said = package.metadata
        kinds = [line.rsplit("::", 1)[-1].strip() for line in said.get_all("Classifier") or () if "License ::" in line]
        licence = said.get("License-Expression") or " / ".join(kinds) or (said.get("License") or "not said")[:60]
        found[licence.splitlines()[0]].add(said["Name"])
    return found


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.strip().splitlines()) if line.strip()), "it said nothing")[:200]


if __name__ == "__main__":
    sys.exit(main())
