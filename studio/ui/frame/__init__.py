"""What every part of the page leans on: looks, words, forms, the draft, and what surrounds a handler."""
