"""The page on which models of one base are merged."""
