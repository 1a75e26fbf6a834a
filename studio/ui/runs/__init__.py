"""The list of runs beside every step."""
