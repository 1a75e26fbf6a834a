"""Write the sample tasks into assets/tasks/: `python -m studio.world.samples`.

Knows the list of samples and the names of their files. The same words and rules always give the same files.
"""

from collections.abc import Iterator
from pathlib import Path

from studio.tasks.store import SAMPLES
from studio.tasks.task import write_v2
from studio.workspace import write_whole
from studio.world.samples import (
    laws,
    manners,
    odd_one,
    opposite,
    past_tense,
    pirate,
    pirate_pairs,
    plural,
    question,
    sentiment,
    story,
    subject,
    text_kind,
)
from studio.world.samples.kinds_sample import KindSample, build_kind
from studio.world.samples.sample import Sample, build_task, build_unseen

ALL: tuple[Sample, ...] = (
    sentiment.SAMPLE,
    question.SAMPLE,
    past_tense.SAMPLE,
    story.SAMPLE,
    plural.SAMPLE,
    opposite.SAMPLE,
    pirate.SAMPLE,
    odd_one.SAMPLE,
)
OF_OTHER_KINDS: tuple[KindSample, ...] = (laws.SAMPLE, pirate_pairs.SAMPLE, manners.SAMPLE)
"""Text, pairs and ratings: nothing in them is right or wrong, so they have no test of unseen words and no score."""
FEW_LABELS: tuple[KindSample, ...] = (subject.SAMPLE, text_kind.SAMPLE)
"""Classes that eight examples of each are enough for; with the reviews' moods they are three tasks."""


def list_files() -> Iterator[tuple[Path, str]]:
    """Yield every file under assets/tasks/ that is made here, and its text."""
    for sample in ALL:
        yield Path(f"{sample.task_id}.json"), write_v2(build_task(sample))
        yield Path("unseen") / f"{sample.task_id}.json", write_v2(build_unseen(sample))
    for other in (*OF_OTHER_KINDS, *FEW_LABELS):
        yield Path(f"{other.task_id}.json"), write_v2(build_kind(other))


def main() -> None:
    """Write the files."""
    for name, text in list_files():
        path = SAMPLES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text + "\n")
        print(f"{path.relative_to(SAMPLES.parents[1])}  {len(text):,} characters")


if __name__ == "__main__":
    main()
