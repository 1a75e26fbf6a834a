"""Runs: what is to be done goes into a folder, a child process does it, events and results come out."""
