"""The Compare step: one question, an answer from each side."""
