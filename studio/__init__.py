"""Fine-Tuning Studio: choose a base model, upload examples, tune, compare.

Read ARCHITECTURE.md first. The journey in code: `studio.service` names everything a person can do, and the rooms
beside it do it.
"""

__version__ = "0.2.0"
