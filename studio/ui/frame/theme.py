"""Looks: the theme that gradio's own components wear, and the head of the page with our styles and scripts.

One accent (emerald), one warning colour, the system's own fonts; every pair of colours passes contrast in light and
dark.
Our CSS goes into the head and not through `css=`, which would prefix each rule and come after the first paint.
"""

import json

import gradio as gr

from studio.foreign import Original
from studio.ui.frame.bundle import BUNDLE
from studio.ui.frame.scripts import read_styles, write_address
from studio.ui.frame.step import STEPS, describe_page

READ_FROM = (Original("gradio.themes.base.Base.__init__", "6.31.0", "945fe911da7c"),)

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

COLOURS = {
    "body_background_fill": "var(--paper)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--ink-soft)",
    "background_fill_primary": "var(--card)",
    "background_fill_secondary": "var(--paper)",
    "block_background_fill": "var(--card)",
    "block_border_color": "var(--line)",
    "block_label_background_fill": "var(--card)",
    "block_label_text_color": "var(--ink)",
    "block_title_text_color": "var(--ink)",
    "block_info_text_color": "var(--ink-soft)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--accent)",
    "color_accent_soft": "var(--accent-soft)",
    "link_text_color": "var(--accent)",
    "link_text_color_hover": "var(--accent)",
    "input_background_fill": "var(--field)",
    "input_border_color": "var(--line-strong)",
    "input_border_color_focus": "var(--accent)",
    "input_placeholder_color": "var(--ink-soft)",
    "button_primary_background_fill": "var(--accent-fill)",
    "button_primary_background_fill_hover": "var(--accent-strong)",
    "button_primary_text_color": "var(--on-accent)",
    "button_primary_border_color": "transparent",
    "button_secondary_background_fill": "var(--card)",
    "button_secondary_background_fill_hover": "var(--card)",
    "button_secondary_text_color": "var(--ink)",
    "button_secondary_border_color": "var(--line-strong)",
    "error_text_color": "var(--warn)",
    "loader_color": "var(--accent)",
    "slider_color": "var(--accent)",
}
"""What gradio's own parts wear: the tokens of frame.css, which say what each is in light and in dark."""


def make_head() -> str:
    """Return the head of the page: styles, what the browser must know of the steps, and where the scripts are.

    The modules come as one file; frame/frame.js, which is one of them, runs before any component is there.
    """
    about = '<meta name="description" content="Fine-tune a language model in five steps.">'
    page = json.dumps(describe_page()).replace("<", "\\u003c")
    shown = ", ".join(f'body[data-step="{name}"] #step-{name}' for name in STEPS.members)
    return (
        f"{about}\n<style>{read_styles()}\n{shown} {{ display: flex !important; }}</style>\n"
        f'<script type="application/json" id="studio-page">{page}</script>\n'
        f'<script type="module" src="{write_address(BUNDLE)}"></script>'
    )


def make_theme() -> gr.themes.Base:
    """Return the theme: quiet, emerald, on the tokens of frame.css."""
    emerald, stone = gr.themes.colors.emerald, gr.themes.colors.zinc
    theme = gr.themes.Base(
        primary_hue=emerald, secondary_hue=emerald, neutral_hue=stone, radius_size=gr.themes.sizes.radius_lg
    )
    theme.font, theme.font_mono = ", ".join(FONT), ", ".join(MONO)
    theme._font_css, theme._stylesheets = [], []  # the system's fonts: nothing to fetch
    dark = {f"{name}_dark": value for name, value in COLOURS.items()}
    return theme.set(color_accent="var(--accent)", **COLOURS, **dark)
