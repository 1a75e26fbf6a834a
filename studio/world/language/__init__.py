"""The language of the little world: its words, their forms, and what may be said."""
