"""What one visitor of a shared studio may take of it: disk, places, time."""
