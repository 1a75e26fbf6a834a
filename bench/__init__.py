"""Measurements: `make bench`. Each figure stands beside what it is compared with, measured in the same run."""
