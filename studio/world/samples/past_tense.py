"""A sentence about now becomes one about the past; regular and irregular verbs."""

from studio.tasks.task import Example
from studio.world.samples.deed import draw_clause
from studio.world.samples.sample import Draw, Sample


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A sentence in the present and in the past."""
    clause = draw_clause(draw.rng, draw.unseen)
    return clause.present(), (clause.past(),)


SAMPLE = Sample(
    number=3,
    name="past_tense",
    title="Yesterday",
    definition="The sentence tells what happens now. Tell it in the past tense.",
    things_to_avoid="Do not change anything but the verb.",
    categories=("Sentence Perturbation",),
    domains=("Linguistics",),
    positive=(
        Example(input="Lucy goes to the zoo with Ben.", output="Lucy went to the zoo with Ben.",
                explanation="The past of goes is went. Nothing else changes."),
        Example(input="The farmer plants a cherry tree.", output="The farmer planted a cherry tree.",
                explanation="Most verbs take ed in the past."),
    ),
    negative=(
        Example(input="My aunt buys a tent.", output="My aunt buyed a tent.",
                explanation="Buy is irregular: its past is bought."),
        Example(input="Leo waits at the bridge.", output="Leo will wait at the bridge.",
                explanation="That is the future. The past is: Leo waited at the bridge."),
    ),
    draw=draw,
)  # fmt: skip
