"""The figures in the README, written from the files that hold them: `python -m bench.readme`. A test compares them."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCORES = ROOT / "assets" / "tasks" / "scores.json"


def write_scores_table(scores: dict[str, Any], titles: dict[str, str]) -> str:
    """Return what base and tuned score on each sample task: exactly right answers in percent."""
    lines = ["| sample task | base | tuned | base, unseen words | tuned, unseen words |", "|---|---:|---:|---:|---:|"]
    for task_id, found in sorted(scores.items()):
        columns = [found[side][part] for part in ("held_out", "unseen") for side in ("base", "tuned")]
        lines.append(f"| {titles[task_id]} | " + " | ".join(f"{value:.0f} %" for value in columns) + " |")
    return "\n".join(lines)


def replace_block(text: str, name: str, content: str) -> str:
    """Return `text` with a new `content` between the comments name and /name. Raises ValueError if they are absent."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"The README has no block called {name}.")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def write_readme(text: str) -> str:
    """Return the README with its figures renewed."""
    titles = {
        path.stem: json.loads(path.read_text())["Title"] for path in (ROOT / "assets" / "tasks").glob("studio*.json")
    }
    return replace_block(text, "scores", write_scores_table(json.loads(SCORES.read_text()), titles))


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(write_readme(readme.read_text(encoding="utf-8")), encoding="utf-8")
