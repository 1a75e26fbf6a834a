"""Labels that people give: who said what, where they differ, what waits. Knows no page."""
