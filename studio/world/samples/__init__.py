"""The sample tasks: what each asks, and how its instances are made of the little world's words.

One file a task. `python -m studio.world.samples` writes them to `assets/tasks/`. Nothing here runs when the studio
does.
"""
