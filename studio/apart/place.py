"""Where work on foreign things is done: here, or apart. The page has a pool of children; notebooks do it here."""

from typing import Protocol

from studio.apart.job import Answer, Given, Job


class Place(Protocol):
    """Does a job for somebody; raises what the work raises, or InputError in words past a limit."""

    def run(self, who: str | None, job: Job[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        """Return what the job comes to. `who` asks: an owner, None where there is one person alone."""
        ...

    def close(self) -> None:
        """Give back what waits."""


class Here:
    """This very process, without limits."""

    def run(self, who: str | None, job: Job[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        """Do the work."""
        return job(*given, **named)

    def close(self) -> None:
        """Nothing waits."""


HERE = Here()
