"""The page on which a task is labelled and written."""
