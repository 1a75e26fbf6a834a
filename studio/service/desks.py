"""The desks that take a whole studio, as one visitor sees it: evidence, votes, judges, tokens, runs, merges, files."""

from typing import TYPE_CHECKING, cast

from studio.service.archive_desk import ArchiveDesk
from studio.service.evidence_desk import EvidenceDesk
from studio.service.export_desk import ExportDesk
from studio.service.inside_desk import InsideDesk
from studio.service.judge_desk import JudgeDesk
from studio.service.merge_desk import MergeDesk
from studio.service.vote_desk import VoteDesk

if TYPE_CHECKING:
    from studio.service.studio import Studio


class Desks:
    """What a studio is, beside what it does itself."""

    @property
    def archives(self) -> ArchiveDesk:
        """The desk at which runs leave as files, and come back, and are reported."""
        return ArchiveDesk(cast("Studio", self))

    @property
    def evidence(self) -> EvidenceDesk:
        """The desk at which checkpoints are measured and compared."""
        return EvidenceDesk(cast("Studio", self))

    @property
    def votes(self) -> VoteDesk:
        """The desk at which the visitor says which answers are better."""
        return VoteDesk(cast("Studio", self))

    @property
    def inside(self) -> InsideDesk:
        """The desk at which the visitor looks inside an answer, token by token."""
        return InsideDesk(cast("Studio", self))

    @property
    def exports(self) -> ExportDesk:
        """The desk at which models are taken away as files."""
        return ExportDesk(cast("Studio", self))

    @property
    def judging(self) -> JudgeDesk:
        """The desk at which reward models say how good answers are."""
        return JudgeDesk(cast("Studio", self))

    @property
    def merges(self) -> MergeDesk:
        """The desk at which models of one base become one."""
        return MergeDesk(cast("Studio", self))
