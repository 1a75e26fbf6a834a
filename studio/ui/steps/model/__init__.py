"""The Model step: which model to start from."""
