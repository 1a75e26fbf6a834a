"""The page of all runs: their settings beside each other, their curves in one chart."""
