"""Checks: pure functions from a task to findings, each with the instances it is about and the name of its fix."""
