"""What a recipe will cost before anything is loaded: exact counts, memory, time."""
