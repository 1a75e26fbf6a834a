"""The one page: header, stepper, the steps, the foot with the recipe, and the list of runs beside them.

Knows the frame and what a visit opens with; the steps come from their registry (frame/step.py). Each draws and wires
itself; they meet only in the draft.
"""

from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from studio.errors import StudioError
from studio.guard.crowd import Crowd
from studio.guard.hosts import Hosts
from studio.guard.kept import Kept
from studio.guard.layer import Guard
from studio.service import Studio
from studio.ui.api import add_endpoints
from studio.ui.frame.draft import Opened, leave_out, read_address
from studio.ui.frame.first_visit import find_defaults
from studio.ui.frame.foot import draw_way
from studio.ui.frame.handler import QUIET, Page, in_words
from studio.ui.frame.scripts import make_route, write_import
from studio.ui.frame.step import STEPS
from studio.ui.frame.theme import make_head, make_theme
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.frame.words import escape
from studio.ui.runs.run_bar import draw_run_bar
from studio.ui.runs.run_list import draw_run_list
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

TITLE = "Fine-Tuning Studio"
MARK = """<svg width="30" height="30" viewBox="0 0 30 30" aria-hidden="true"><rect x="1" y="1" width="17" height="28"
rx="3"
fill="var(--frozen)"/><rect x="20" y="1" width="3" height="28" rx="1" fill="var(--accent)"/><rect x="25" y="1"
width="4" height="3" rx="1"
fill="var(--accent)"/></svg>"""
HALF = """<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8" fill="none"
stroke="currentColor" stroke-width="2"/><path d="M10 2a8 8 0 0 1 0 16z" fill="currentColor"/></svg>"""


def make_launch(hosts: Hosts | None = None, crowd: Crowd | None = None, tools: bool = False) -> dict[str, Any]:
    """Return the arguments of `launch` that belong to the page: looks, limits, the guard, and nothing that phones home.

    `hosts` says which names the studio answers to; without it, those of this computer alone. `crowd` bounds what each
    asker of a shared studio may send. With `tools` the endpoints are tools of an MCP server, too.
    """
    guard = Middleware(Guard, hosts=hosts or Hosts(), crowd=crowd)
    return {
        "app_kwargs": {"middleware": [guard, Middleware(Kept)], "routes": [make_route()]},
        "enable_monitoring": False,
        "_frontend": False,  # else gradio asks for its own page, and gives up where a busy machine takes 3 s for it
        "theme": make_theme(),
        "head": make_head(),
        "run_history": False,
        "state_session_capacity": 200,
        "ssr_mode": False,
        "max_file_size": "50mb",
        "footer_links": [],
        "show_error": True,
        "quiet": True,
        "share": False,
        "pwa": False,
        "mcp_server": tools,
    }


def write_found() -> str:
    """Return the script that hands the server what a visit begins with: the address, and what the browser kept."""
    return f"async () => [(await {write_import('frame/address.js')}).found()]"


def build_page(studio: Studio) -> gr.Blocks:
    """Return the page of a studio, not yet launched."""

    @in_words
    def open_page(found: dict[str, Any], request: Asking) -> tuple[dict[str, Any], str]:
        opened = open_draft(seen_by(studio, request), found)
        return {"open": opened.draft}, draw_notices(opened.notices)

    with Page(title=TITLE, analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        add_endpoints(studio)  # first, so that their names are theirs: gradio numbers a name that is taken
        draft = DraftBox()
        with gr.Sidebar(open=False, elem_id="runs", width=330):
            draw_run_list(studio, draft)
        Panel(draw_header())
        notices = Panel(elem_id="notices")
        for step in STEPS.members.values():
            with gr.Column(elem_id=f"step-{step.name}", elem_classes="step"):
                step().draw(studio, draft)
        with gr.Row(elem_id="foot"):
            Panel(draw_way(-1), elem_classes="foot-way")
            draft.draw_bar()
            draw_run_bar(studio, draft)
            Panel(draw_way(1), elem_classes="foot-way")
        page.load(open_page, [draft], [draft.patch, notices], js=write_found(), **QUIET)
    return page


def open_draft(studio: Studio, found: object) -> Opened:
    """Return what to open with: the address, else what the browser kept, else defaults, without what can't be."""
    parts = found if isinstance(found, dict) else {}
    opened = read_address(parts.get("search"), parts.get("kept"))
    draft, notices = dict(opened.draft), list(opened.notices)
    draft["run"], recipe_of_run = _check_run(studio, draft["run"], notices)
    draft["checkpoint"] = draft["checkpoint"] if draft["run"] else None
    recipe = draft["recipe"] or recipe_of_run or {}
    draft["recipe"] = _check_recipe(studio, recipe, notices)
    return Opened(draft, tuple(notices))


def _check_run(studio: Studio, run_id: str | None, notices: list[str]) -> tuple[str | None, dict[str, Any] | None]:
    if run_id is None:
        return None, None
    try:
        return run_id, studio.run_status(run_id).recipe
    except StudioError as error:
        notices.append(str(error))
        return None, None


def _check_recipe(studio: Studio, recipe: dict[str, Any], notices: list[str]) -> dict[str, Any]:
    recipe = {**find_defaults(studio), **recipe}
    for _ in range(12):  # one complaint a round; each round leaves something out
        if not recipe.get("task_id"):
            break
        try:
            studio.read_recipe(recipe)
            studio.load_task(recipe["task_id"], recipe.get("task_version"))
            break
        except StudioError as error:
            smaller = leave_out(recipe, error.field)
            if smaller is None:
                notices.append(f"{error} The usual choices are shown instead.")
                return find_defaults(studio)
            notices.append(f"{error} The usual choice is used instead.")
            recipe = {**find_defaults(studio), **smaller}
    return recipe


def draw_header() -> str:
    """Return title, stepper and the few things that are always at hand."""
    steps = "".join(
        f'<li><button type="button" data-go="{step.name}"><span>{escape(step.title)}</span></button></li>'
        for step in STEPS.main
    )
    return (
        '<a class="skip" href="#main" data-skip="question">Skip to the question</a>'
        '<a class="skip" href="#foot" data-skip="on">Skip to the next step</a>'
        f'<header class="studio topline"><p class="brand">{MARK}{TITLE}</p><span class="grow"></span>'
        '<button type="button" class="btn quiet small" data-projector aria-pressed="false" '
        'title="Large type, for a projector">Projector</button>'
        f'<button type="button" class="btn quiet small" data-theme-switch aria-label="Light or dark">{HALF}</button>'
        '<button type="button" class="btn small" data-runs="open">Runs</button></header>'
        f'<nav class="studio stepper" aria-label="Steps"><ol>{steps}</ol></nav>'
    )


def draw_notices(notices: tuple[str, ...]) -> str:
    """Return what could not be used of a link, in words."""
    if not notices:
        return ""
    said = "".join(f"<li>{escape(notice, 300)}</li>" for notice in notices[:6])
    return (
        f'<div class="studio notice" role="status" id="link-notice"><ul>{said}</ul>'
        '<button type="button" class="btn quiet small" data-close=".notice">Close</button></div>'
    )
