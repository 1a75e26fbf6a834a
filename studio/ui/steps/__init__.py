"""The steps of the page, a folder each."""
