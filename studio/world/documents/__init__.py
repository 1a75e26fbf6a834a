"""The families of documents: one module each, every writer a function from a `Voice` to a text.

Knows: nothing; `corpus.py` lists the writers with their weights.
"""
