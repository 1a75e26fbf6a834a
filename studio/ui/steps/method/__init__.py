"""The Method step: how it should learn, and what that comes to."""
