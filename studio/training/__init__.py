"""What happens in the child process: a recipe is executed into its run folder."""
