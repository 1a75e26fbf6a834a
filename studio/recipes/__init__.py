"""What a run will be: the recipe, its training options, and smaller recipes that need less memory."""
