"""The mappings that people chose, remembered for the next file with the same columns. Lines that are only ever added.

STUDIO_HOME/mappings.jsonl   {"columns": [...], "mapping": {role: [...]}, "owner": ""}; the last line counts
"""

from collections.abc import Sequence

from pydantic import ValidationError

from studio.errors import StudioError
from studio.journal import append_lines, read_lines
from studio.tasks.mapping import Mapping
from studio.visitor import Visitor
from studio.workspace import Workspace


class MappingMemory:
    """What one visitor chose before."""

    def __init__(self, workspace: Workspace, visitor: Visitor) -> None:
        self.file, self.owner = workspace.folder / "mappings.jsonl", visitor.owner or ""

    def find(self, columns: Sequence[str]) -> Mapping | None:
        """Return the mapping that was chosen last for a file with these columns, in whatever order."""
        for line in reversed(read_lines(self.file)):
            if line.get("owner") == self.owner and _same(line.get("columns"), columns):
                try:
                    return Mapping.model_validate(line.get("mapping"))
                except (ValidationError, StudioError):  # written by hand, or by a later studio
                    return None
        return None

    def remember(self, columns: Sequence[str], mapping: Mapping) -> None:
        """Keep a choice. Raises WorkspaceError in words."""
        if self.find(columns) != mapping:
            append_lines(self.file, [{"columns": list(columns), "mapping": mapping.to_json(), "owner": self.owner}])


def _same(kept: object, columns: Sequence[str]) -> bool:
    return isinstance(kept, list) and sorted(map(str, kept)) == sorted(columns)
