"""A report as a model card in Markdown, as model hubs show it. Knows a report and nothing else."""

import json
import re

from studio.reports.report import Report
from studio.reports.told import Row, list_facts, list_forgetting, list_scores, tell_votes


def write_markdown(report: Report) -> str:
    """Return the card of a run."""
    recipe = report.recipe
    base = [] if recipe.base.is_local else [f"base_model: {json.dumps(recipe.model)}"]
    head = ["---", "library_name: peft", *base, "tags: [fine-tuning-studio]", "---", "", f"# {report.name}", ""]
    parts = [
        *head,
        _say(report.sentence),
        "",
        *_table(("What", "Value"), list_facts(report)),
        *_section("Scores", _table(("Model", "Part", "Score", "95 % interval"), list_scores(report))),
        *[f"- {_say(note)}" for note in report.notes],
        *_section("Forgetting", _table(("Checkpoint", "Forgot", "General text"), list_forgetting(report))),
        *_section("What flipped", [f"- {fate}: {count:,}" for fate, count in report.fates.items()]),
        *_section("Votes", [tell_votes(report)]),
        *_section("How to reproduce", ["```json", json.dumps(recipe.to_json(), indent=2), "```"]),
        "Versions: " + ", ".join(f"{name} {number}" for name, number in report.versions.items()) + ".",
    ]
    return "\n".join(parts) + "\n"


def write_scores(report: Report) -> list[str]:
    """Return what a run learned from and what it scored, as two sections; without those that it has nothing for."""
    data = [fact for fact in list_facts(report) if fact[0].startswith(("Task", "Data", "Steps"))]
    return [
        *_section("Training data", _table(("What", "Value"), data)),
        *_section("Scores", _table(("Model", "Part", "Score", "95 % interval"), list_scores(report))),
    ]


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines, ""] if lines else []


def _table(head: Row, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(_say(cell) for cell in row) + " |" for row in lines]


def _say(text: str) -> str:
    """A text in one line that Markdown takes as text."""
    return re.sub(r"([|<>`\[\]*_\\])", r"\\\1", " ".join(text.split()))
