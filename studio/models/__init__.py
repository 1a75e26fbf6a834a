"""Base models: naming them, reading their facts without loading them, and loading them at a precision."""
