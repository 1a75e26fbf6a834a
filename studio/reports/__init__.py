"""What is known of a run, told in one file: a page that needs nothing else, and a model card in Markdown."""
