"""The Train step: the run as it happens."""
