"""What there is to optimise, and which way to go, from another program, as named endpoints."""

from studio.service import Studio
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

        `answers` are true or false: labelled, few_labels, preferences, ratings, raw_text, facts (that must be looked
        up), prompt_works; and task_id where it is about one. "answer" is tune, prompt, retrieve or label; "recipe" are
        the parts of a recipe to start with.
        """
        return seen_by(self._studio, request).which_way(answers).model_dump(mode="json")
