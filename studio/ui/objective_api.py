"""What there is to optimise, which way to go, what a reward model says: named endpoints for another program."""

from studio.service import Studio
from studio.ui.frame.given import check_text
from studio.ui.frame.visiting import Asking, seen_by


class ObjectiveEndpoints:
    """The endpoints about objectives; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def list_objectives(self) -> list:
        """What a run can optimise: [{"name", "title", "summary", "kinds", "fields", "measures"}].

        `kinds` are those of the tasks it learns from, `measures` what a run of it tells: [{"name", "title", "unit",
        "better"}], better being high or low. A recipe names one as {"objective": {"name": "dpo", "beta": 0.1}}.
        """
        return [card.model_dump(mode="json") for card in self._studio.list_objectives()]

    def which_way(self, answers: dict, request: Asking) -> dict:
        """What would help, from what you have: {"answer", "title", "reason", "objective", "method", "precision", ...}.

        `answers` are true or false: labelled, few_labels, preferences, own_answers (RLHF), rule, ratings, raw_text,
        facts (that must be looked up), prompt_works; and task_id where it is about one. "answer" is tune, prompt,
        retrieve or label; "recipe" are the parts of a recipe to start with.
        """
        return seen_by(self._studio, request).which_way(answers).model_dump(mode="json")

    def judge(self, run_id: str, prompt: str, answers: list, request: Asking) -> dict:
        """What a reward model makes of answers to a prompt of its task: {"model", "title", "scores"}.

        `run_id` is a run of the objective reward. Only how scores differ means something: the larger, the better.
        """
        visit = seen_by(self._studio, request)
        return visit.judging.judge(check_text(run_id, "run_id"), prompt, answers).model_dump(mode="json")
