"""Evidence from another program: scores with intervals, differences, flips and forgetting, as named endpoints.

What isn't measured yet is put into the queue, and the answer comes when it is; what is, comes at once.
"""

from studio.service import Studio
from studio.ui.frame.visiting import Asking, seen_by


class EvidenceEndpoints:
    """The endpoints about evidence; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def score(self, checkpoints: list, task_id: str, request: Asking, part: str = "test") -> list:
        """What checkpoints come to: [{"checkpoint", "title", "metric", "value", "low", "high", "n"}].

        `checkpoints` are one to four addresses, such as ["builtin", "run:brave-otter@120"]; `part` is train,
        validation, test or unseen. `low` and `high` are the 95 % interval, null where too little was measured.
        """
        found = seen_by(self._studio, request).evidence.score(checkpoints, task_id, part)
        return [value.model_dump(mode="json") for value in found.values]

    def compare_scores(self, checkpoints: list, task_id: str, request: Asking, part: str = "test") -> dict:
        """How the second of two checkpoints compares with the first, in the task's main metric.

        {"metric", "n", "wins", "losses", "difference", "low", "high", "p", "smallest_difference", "sentence"}
        """
        return seen_by(self._studio, request).evidence.compare(checkpoints, task_id, part).model_dump(mode="json")

    def flips(self, checkpoints: list, task_id: str, request: Asking, part: str = "test") -> list:
        """What became of each instance, from the first of two checkpoints to the second.

        [{"id", "fate", "prompt", "before", "after", "wanted"}], `fate` being better, worse, stayed right or stayed
        wrong.
        """
        found = seen_by(self._studio, request).evidence.list_flips(checkpoints, task_id, part)
        return [flip.model_dump(mode="json") for flip in found]

    def forgetting(self, checkpoint: str, request: Asking) -> dict:
        """How much of general text a checkpoint forgot: {"nats_per_token", "before", "after", "low", "high", ...}.

        Cross-entropy a token, after minus before, the base measured with the change switched off.
        """
        return seen_by(self._studio, request).evidence.forgetting(checkpoint).model_dump(mode="json")
