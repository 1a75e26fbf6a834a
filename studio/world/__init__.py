"""The little world: simple English text made by rule, and the built-in base model that learns from it."""
