"""Faster ways of computing the same: every change of foreign code made for speed is in this room."""
