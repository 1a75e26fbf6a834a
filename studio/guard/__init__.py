"""What comes before the page: which questions are let in, how large they may be, and how a browser may show them."""
