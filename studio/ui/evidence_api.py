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

    def win_rate(self, checkpoints: list, task_id: str, rewards: list, request: Asking, part: str = "test") -> dict:
        """How often the second of two checkpoints answers better than the first, as rewards have it.

        `rewards` are rules as in a recipe, such as [{"name": "contains", "text": "Arrr!"}] or [{"name": "learnt",
        "model": "run:brave-otter"}]; who judges doesn't know whose answer it is. {"n", "wins", "losses", "ties",
        "rate", "low", "high", "p", "before", "after"}: the rate is in % of those that differ, with its 95 % interval.
        """
        found = seen_by(self._studio, request).evidence.win_rate(checkpoints, task_id, rewards, part)
        return found.model_dump(mode="json")

    def forgetting(self, checkpoint: str, request: Asking, task_id: str = "") -> dict:
        """How much of general text a checkpoint forgot: {"nats_per_token", "before", "after", "low", "high", ...}.

        Cross-entropy a token, after minus before, the base measured with the change switched off. `task_id` names a
        task of running text of your own to measure it on.
        """
        found = seen_by(self._studio, request).evidence.forgetting(checkpoint, check_text(task_id, "task_id"))
        return found.model_dump(mode="json")

    def few_labels(self, run_id: str, request: Asking) -> list:
        """What few labels came to by each way, over several draws: [{"title", "model", "mean", "spread", "scores"}].

        `run_id` is a run of setfit, or of sft with "shots"; compared are all runs on its task with as many examples a
        class. Scores are in % of the test part, by the number of the draw; "spread" is their standard deviation, null
        of one alone. Ways: the commonest label, the frozen encoder with a logistic regression, SetFit, the language
        model prompted, and tuned on the same examples.
        """
        ways = seen_by(self._studio, request).evidence.list_few(check_text(run_id, "run_id"))
        return [{**way._asdict(), "mean": way.mean, "spread": way.spread} for way in ways]

    def map_texts(self, run_id: str, request: Asking) -> dict | None:
        """Where a run of setfit or contrastive puts texts: {"texts", "groups", "before", "after"}.

        Of each text of the validation part [x, y], in the two directions in which they differ most, before the run and
        after it; null for a run that moves no texts.
        """
        found = seen_by(self._studio, request).evidence.find_places(check_text(run_id, "run_id"))
        return found.model_dump(mode="json") if found else None

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
