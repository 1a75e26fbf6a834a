"""What gradio keeps of each session, without what a studio never reads: a description of every component.

gradio describes the whole page again for each new session, to make links to its state. A studio's links are addresses,
and what is chosen lives in the browser; so a session that somebody made up costs next to nothing.
"""

from copy import copy
from typing import Any

from gradio.state_holder import SessionState, StateHolder

from studio.foreign import Original

LONGEST_SESSION = 100
"""Letters of a session's name, which a browser makes up; gradio's has eleven, an event's own 32."""
READ_FROM = (
    Original("gradio.state_holder.SessionState", "6.31.0", "26941b058ed3"),
    Original("gradio.state_holder.SessionState._update_config", "6.31.0", "268e7164b651"),
    Original("gradio.state_holder.SessionState._update_value_in_config", "6.31.0", "185ccba1a8ad"),
    Original("gradio.state_holder.StateHolder", "6.31.0", "39cb9b1b323f"),
)


class LeanSession(SessionState):
    """A session that describes no component."""

    def __init__(self, blocks: Any) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def _update_config(self, key: int) -> None:
        """Describe nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Describe nothing."""


class LeanHolder(StateHolder):
    """The sessions of a page, each of them lean."""

    def __getitem__(self, session_id: str) -> SessionState:
        """Return a session; one that is new begins. Of a name that no browser makes up, only the beginning counts."""
        session_id = str(session_id)[:LONGEST_SESSION]
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanSession(self.blocks)
        return super().__getitem__(session_id)
