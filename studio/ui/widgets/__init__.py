"""The few components of our own: each is a small gr.HTML with its script in assets/js."""
