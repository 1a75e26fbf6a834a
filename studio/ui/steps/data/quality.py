"""The quality report of the chosen task: what was found, in plain words, with a way to see it and a way to repair it.

Worked out after the page is shown, by acts that quality.js calls; drawn here, foreign text escaped. A change
is shown before it is made, and makes a new version.
"""

import re
from typing import Any

from studio.errors import StudioError
from studio.service import Studio
from studio.service.checkup import Checked, FixPreview
from studio.tasks.quality.finding import Finding
from studio.tasks.repair import Repair
from studio.tasks.split import Split
from studio.tasks.task import Task
from studio.ui.frame.words import escape, foreign, number
from studio.ui.steps.data.pictures import draw_labels, draw_lengths_picture
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

UNASKED = 10_000
"""Instances up to which a task is checked unasked; a larger one takes a while, so it is checked on a click."""
SEVERITIES = {"problem": "problem", "warning": "warning", "remark": "good to know"}
SPLIT_WORDS = {
    "hash": ("Random", "A tenth each is the validation part and the test set, chosen by the text of the input."),
    "stratified": ("Balanced by label", "The same, but stratified by label, and near-duplicates stay together."),
    "official": ("As Super-NI scores", "The first 100 examples of the file are the test, as in the published scores."),
}
_FRAME = (
    '<section class="studio card stack quality" aria-label="Quality of the task" data-state="empty" hidden></section>'
)


class Quality(Scripted):
    """The report of the task its value names: {"task_id", "version"}; {} shows none."""

    kind = "object"
    script = "steps/data/quality.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        acts = bind_acts(studio, check_task, preview_fix, fix_task, choose_split)
        super().__init__(_FRAME, acts, value={}, **options)


def check_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the report as HTML; of a large task a button that asks for it, unless `asked` says all."""
    recipe = part(asked, "recipe", dict)
    count = len(visit.data.load_task(visit.data.read_recipe(recipe)).instances)
    if count > UNASKED and asked.get("all") is not True:
        return {"html": draw_question(count), "state": "asking"}
    checked = visit.data.check(recipe)
    return {"html": draw_report(checked) + draw_splits(visit, recipe), "state": "done"}


def preview_fix(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what a fix would change, as HTML."""
    found = visit.data.preview_fix(part(asked, "recipe", dict), **_name_fix(asked))
    return {"html": draw_preview(found)}


def fix_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Make a new version by a fix."""
    recipe = part(asked, "recipe", dict)
    return _say_done(recipe, visit.data.fix(recipe, **_name_fix(asked)))


def choose_split(visit: Studio, asked: Any) -> dict[str, Any]:
    """Make a new version with another rule of splitting."""
    recipe = part(asked, "recipe", dict)
    return _say_done(recipe, visit.data.choose_split(recipe, part(asked, "rule", str)))


def _name_fix(asked: Any) -> dict[str, str]:
    return {"repair": part(asked, "repair", str)} if asked.get("repair") else {"finding": part(asked, "finding", str)}


def _say_done(recipe: dict[str, Any], task: Task) -> dict[str, Any]:
    count = number(len(task.instances))
    said = f"Done: a new version with {count} examples is chosen. The one before is kept."
    if recipe.get("task_id") != task.task_id:
        said = f"Done: your own copy of the sample, with {count} examples, is chosen. The sample stays as it was."
    return {"task_id": task.task_id, "said": said}


def draw_question(count: int) -> str:
    """Return the offer to check a large task."""
    return (
        f"<h2>Is it good enough to learn from?</h2><p>It has {number(count)} examples, so checking them takes a "
        'while.</p><div class="row"><button type="button" class="btn" data-check-all>Check them all</button></div>'
    )


def draw_report(checked: Checked) -> str:
    """Return what was found, how many instances are enough, and the pictures."""
    report, offers = checked.report, {offer.name: offer for offer in checked.offers}
    drawn = [finding for finding in report.findings if finding.severity != "remark"]
    remarks = [finding for finding in report.findings if finding.severity == "remark"]
    covered = {finding.fix for finding in report.findings}
    others = [offer for offer in offers.values() if offer.name not in covered]
    findings = "".join(map(_draw_finding, drawn))
    small = "".join(map(_draw_finding, remarks)) + "".join(map(_draw_offer, others))
    count = len(remarks) + len(others)
    folded = (
        f'<details class="more" id="remarks"{"" if drawn else " open"}><summary>{count} '
        f"{'remark' if count == 1 else 'remarks'}</summary>"
        f'<div class="findings">{small}</div></details>'
        if count
        else ""
    )
    pictures = draw_labels(report) + (draw_lengths_picture(report.lengths) if report.lengths else "")
    trouble = (
        f'<p class="hint">Its length in tokens is not known: {foreign(checked.trouble, 300)}</p>'
        if checked.trouble
        else ""
    )
    return (
        f'<div class="row between"><h2>Is it good enough to learn from?</h2>{draw_verdict(report.findings)}</div>'
        f"<p>{_say_verdict(report.instances, report.findings)} {foreign(report.enough, 300)}</p>"
        f'<div class="findings">{findings}</div>{folded}<div class="two">{pictures}</div>{trouble}'
    )


def draw_verdict(findings: tuple[Finding, ...]) -> str:
    """Return a badge: praise only where nothing was found."""
    counts = {name: sum(finding.severity == name for finding in findings) for name in ("problem", "warning")}
    said = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count]
    if said:
        return f'<span class="pill warn">{", ".join(said)}</span>'
    remarks = len(findings)
    if remarks:
        return f'<span class="pill">{remarks} remark{"s" * (remarks != 1)}</span>'
    return '<span class="pill fits">no problems found</span>'


def _say_verdict(count: int, findings: tuple[Finding, ...]) -> str:
    if not findings:
        return f"Nothing odd was found in its {number(count)} examples."
    if all(finding.severity == "remark" for finding in findings):
        return f"Nothing that spoils training was found in its {number(count)} examples."
    return ""


def _draw_finding(finding: Finding) -> str:
    look = (
        f'<button type="button" class="btn small" data-look="{escape(finding.name)}" '
        f'data-title="{escape(finding.title)}">Show {_count(len(finding.numbers))}</button>'
        if finding.numbers
        else ""
    )
    repair = _draw_fixing("finding", finding.name, finding.fix_words) if finding.fix else ""
    words = _say_places(finding.words)
    return (
        f'<article class="finding {finding.severity}" data-finding="{escape(finding.name)}"><h3>'
        f'{escape(finding.title)} <span class="pill">{SEVERITIES[finding.severity]}</span></h3>'
        f'<p>{foreign(words, 900)}</p><div class="row">{look}{repair}</div><div class="changes" hidden></div></article>'
    )


def _say_places(words: str) -> str:
    """Places as the table counts them: "no. 13" for "Instances[12] (id task1-...)"."""
    return re.sub(r"Instances\[(\d+)\](?: \(id [^)]*\))?", lambda found: f"no. {number(int(found[1]) + 1)}", words)


def _count(count: int) -> str:
    return "it" if count == 1 else f"these {number(count)}"


def _draw_fixing(kind: str, name: str, words: str) -> str:
    return (
        f'<button type="button" class="btn small" data-preview data-{kind}-name="{escape(name)}" '
        f'aria-expanded="false">{escape(words)} …</button>'
    )


def _draw_offer(offer: Repair) -> str:
    first = foreign(_say_places(offer.changes[0].place), 80)
    return (
        f'<article class="finding remark" data-repair="{escape(offer.name)}"><h3>{escape(offer.words)}</h3>'
        f"<p>{number(offer.count)} place{'s' * (offer.count != 1)}, among them {first}.</p>"
        f'<div class="row">{_draw_fixing("repair", offer.name, "Fix it" if offer.count == 1 else "Fix them")}</div>'
        '<div class="changes" hidden></div></article>'
    )


def draw_preview(found: FixPreview) -> str:
    """Return what a fix would change, before it is done, and the button that does it."""
    rows = "".join(_draw_change(*change) for change in found.changes)
    words = "The split changes." if found.words == "Split changed." else _say_change(found.words)
    return (
        f'<p class="hint">{foreign(words, 300)}</p><ul class="diff">{rows}</ul>'
        '<p class="error-line" role="alert"></p><div class="row">'
        '<button type="button" class="btn small primary" data-apply>Apply as a new version</button>'
        '<button type="button" class="btn small quiet" data-leave>Cancel</button></div>'
    )


def _say_change(words: str) -> str:
    """What a comparison of two versions says ("Instances: 25 deleted."), as what would come of it."""
    found = re.fullmatch(r"Instances: ([\d,]+) (changed|deleted)\.", words)
    if not found:
        return f"{words} For example:"
    act = "change" if found[2] == "changed" else "leave out"
    return f"This would {act} {found[1]} example{'s' * (found[1] != '1')}:"


def _draw_change(place: str, before: str, after: str) -> str:
    if place == "split" and before in SPLIT_WORDS and after in SPLIT_WORDS:
        place, before, after = "Test set", SPLIT_WORDS[before][0], SPLIT_WORDS[after][0]
    now = f"<ins>{_show(after)}</ins>" if after else '<ins class="gone">left out</ins>'
    return f'<li><span class="hint">{foreign(_say_places(place), 80)}</span><del>{_show(before)}</del>{now}</li>'


def _show(text: str) -> str:
    """A text in which what can't be seen can be: a blank at an end, a control character."""
    seen = "".join(
        letter if letter.isprintable() or letter == "\n" else f"⟨{ord(letter):04X}⟩" for letter in text[:400]
    )
    ends = re.sub(r"^ +| +$", lambda blanks: "·" * len(blanks[0]), seen)
    return foreign(ends or "(nothing)", 400)


def draw_splits(visit: Studio, recipe: dict[str, Any]) -> str:
    """Return the rules of splitting with what each comes to, the one in force marked."""
    try:
        splits = visit.data.preview_splits(recipe)
        current = visit.data.load_task(visit.data.read_recipe(recipe)).split
    except StudioError as error:
        return f'<p class="hint">{foreign(error, 300)}</p>'
    drawn = "".join(_draw_split(rule, found, rule == current) for rule, found in splits.items())
    return (
        '<div class="stack splits"><h3 id="split-title">How the test set is chosen</h3>'
        f'<div class="cards" role="group" aria-labelledby="split-title">{drawn}</div>'
        '<p class="error-line" role="alert"></p></div>'
    )


def _draw_split(rule: str, found: Split | str, is_current: bool) -> str:
    title, words = SPLIT_WORDS[rule]
    if isinstance(found, str):
        said, off = foreign(found, 240), " disabled"
    else:
        sizes = zip(found, ("train", "validation", "test"), strict=True)
        counts = ", ".join(f"{number(len(part))} {word}" for part, word in sizes)
        said, off = f'{escape(words)} <span class="num">{counts}</span>', ""
    return (
        f'<button type="button" class="split-rule" data-rule="{rule}" aria-pressed="{str(is_current).lower()}"{off}>'
        f'<span class="name">{title}</span><span class="hint">{said}</span></button>'
    )
