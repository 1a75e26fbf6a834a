"""Evidence from another program: scores with intervals, differences, flips, forgetting, the tokens of an answer.

What isn't measured yet is put into the queue, and the answer comes when it is; what is, comes at once.
"""

from studio.answering.question import read_question
from studio.service import Studio
from studio.ui.frame.given import check_text
from studio.ui.frame.visiting import Asking, seen_by


class EvidenceEndpoints:
    """The endpoints about evidence; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def score(self, checkpoints: list, task_id: str, request: Asking, part: str = "test") -> list:
        """What checkpoints come to: [{"checkpoint", "title", "metric", "value", "low", "high", "n", "cut"}].

        `checkpoints` are one to four addresses, such as ["builtin", "run:brave-otter@120"]; `part` is train,
        validation, test or unseen. `low` and `high` are the 95 % interval, null where too little was measured; `cut`
        of the answers had not ended where there was no more room.
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

    def forgetting(self, checkpoint: str, request: Asking, task_id: str = "") -> dict:
        """How much of general text a checkpoint forgot: {"nats_per_token", "before", "after", "low", "high", ...}.

        Cross-entropy a token, after minus before, the base measured with the change switched off. `task_id` names a
        task of running text of your own to measure it on.
        """
        found = seen_by(self._studio, request).evidence.forgetting(checkpoint, check_text(task_id, "task_id"))
        return found.model_dump(mode="json")

    def look_inside(
        self,
        run_id: str,
        prompt: str,
        tokens: list,
        request: Asking,
        messages: list | None = None,
        models: list | None = None,
    ) -> list:
        """How likely each token of each answer was in every column, and the five likeliest others.

        `tokens` are those that `ask` gave with its columns, a list for each; the other fields are what was asked.
        [{"model", "tokens", "columns": [{"model", "title", "probabilities", "others": [[{"text", "probability"}]]}]}]
        """
        options = {"messages": messages} if messages else {}
        read_question(prompt, **options)
        inside = seen_by(self._studio, request).inside
        found = inside.look(check_text(run_id, "run_id"), prompt, tokens, models or (), **options)
        return [one.model_dump(mode="json") for one in found]

    def training_rows(self, run_id: str, text: str, request: Asking) -> dict:
        """The rows a run trained on that hold a word: {"text", "count", "of", "rows": [{"prompt", "answer"}]}."""
        inside = seen_by(self._studio, request).inside
        return inside.find_rows(check_text(run_id, "run_id"), check_text(text, "text")).model_dump(mode="json")
