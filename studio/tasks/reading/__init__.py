"""Files become tasks: their bytes, their form, their columns, their rows. Knows no model and no page."""
