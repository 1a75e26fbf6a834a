"""Tasks: what people bring is read, checked, edited, split, written as prompts and kept. Knows no model and no page."""
