"""Measurements: `make bench`. Each figure is shown beside what it is compared with, measured in the same run."""
