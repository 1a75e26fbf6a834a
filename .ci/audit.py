"""Look up the versions of constraints.txt in PyPI's advisory database, and list the licences of what is installed.

pip-audit is fetched into a temporary environment of its own: it is a tool, and no part of the studio. Without a network
it is said that nothing was looked up. Exit status: 1 where a weakness is known, 0 otherwise.
"""

import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
NO_NETWORK = "The advisory database can't be reached from here, so no version was looked up."


def main() -> int:
    """Audit, then list. Returns the exit status."""
    status = audit()
    for licence, names in sorted(list_licences().items()):
        print(f"{licence}: {', '.join(sorted(names))}")
    return status


def audit() -> int:
    """Return 1 if a pinned version has a known weakness; the tool prints which."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python"
        fetched = subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-audit"], check=False)
        if fetched.returncode:
            print(NO_NETWORK)
            return 0
        asked = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(CONSTRAINTS)]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        print(told.stdout)
        if told.returncode and "vulnerabilit" not in told.stdout + told.stderr:
            print(NO_NETWORK, told.stderr.strip().splitlines()[-1:])
            return 0
        return int(bool(told.returncode))


def list_licences() -> dict[str, set[str]]:
    """Return the packages of each licence, as they say it themselves."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in distributions():
        said = package.metadata
        kinds = [line.rsplit("::", 1)[-1].strip() for line in said.get_all("Classifier") or () if "License ::" in line]
        licence = said.get("License-Expression") or " / ".join(kinds) or (said.get("License") or "not said")[:60]
        found[licence.splitlines()[0]].add(said["Name"])
    return found


if __name__ == "__main__":
    sys.exit(main())
