"""What is given away with a run to train it again elsewhere; nothing here knows the studio."""
