"""A statement becomes a question that can be answered by yes or no: did, do, can, will and must."""

from studio.tasks.task import Example
from studio.world.language.grammar import capitalize
from studio.world.samples.deed import draw_clause
from studio.world.samples.sample import Draw, Sample


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A statement in the tense that the group names, and its question."""
    clause = draw_clause(draw.rng, draw.unseen)
    if draw.group == "past":
        return clause.past(), (clause.question_past(),)
    if draw.group == "present":
        return clause.present(), (clause.question_present(),)
    modal = draw.rng.choice(("can", "will", "must"))
    return clause.modal(modal), (f"{capitalize(modal)} {clause.subject} {clause.verb} {clause.rest}".rstrip() + "?",)


SAMPLE = Sample(
    number=2,
    name="question",
    title="Make it a question",
    definition="Turn the statement into a question that can be answered with yes or no.",
    things_to_avoid="Do not answer the question, and do not begin it with who, what, where, when or why.",
    categories=("Question Generation",),
    domains=("Story",),
    positive=(
        Example(input="Olga baked a pie for my uncle.", output="Did Olga bake a pie for my uncle?",
                explanation="The past of a verb is asked for with did, and the verb goes back to its first form."),
        Example(input="The tailor can sing very well.", output="Can the tailor sing very well?",
                explanation="A statement with can is turned around."),
    ),
    negative=(
        Example(input="Omar found a coin.", output="What did Omar find?",
                explanation="This can't be answered with yes or no. Right is: Did Omar find a coin?"),
        Example(input="Mia likes the rain.", output="Does Mia likes the rain?",
                explanation="After does the verb has no s. Right is: Does Mia like the rain?"),
    ),
    draw=draw,
    groups=("past", "past", "past", "present", "modal"),
)  # fmt: skip
