"""Talking to base and tuned side by side, from one copy of the weights."""
