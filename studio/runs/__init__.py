"""Runs: a recipe goes into a folder, a child process trains, events and checkpoints come out."""
