"""The queue in which work waits: whose turn comes next, in how long, and who starts it."""
