"""Tasks: Natural-Instructions files read, split, written as prompts and kept. Knows no model and no page."""
