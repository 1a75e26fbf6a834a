"""The few components of our own: each is a small gr.HTML with its script beside it."""
