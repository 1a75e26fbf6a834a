"""Checkpoints: what was made here, how it is addressed, and the weights that a stack of changes comes to."""
