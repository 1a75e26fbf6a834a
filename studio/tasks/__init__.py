"""Tasks: what people upload is read, checked, edited, split, written as prompts, kept. Knows no model and no page."""
