"""Foreign things are worked on apart: in a child that may be killed, with limits of memory, time and answer."""
