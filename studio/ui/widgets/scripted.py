"""What all components of our own are: a frame of HTML, the script that draws in it, and what the script may ask."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gradio as gr
import orjson
from fastapi.encoders import jsonable_encoder
from starlette.responses import Response

from studio.ui.frame.scripts import write_loader


class Scripted(gr.HTML):
    """A component drawn by its script; `kind` is what its value is called in JSON Schema, "null" for none.

    `script` names a module beside the page's Python ("steps/data/rows.js"), whose `mount` gets what gradio hands to a
    script (widgets/mounting.js). `events` are those that it triggers and Python listens to.
    """

    kind: ClassVar[str] = "null"
    script: ClassVar[str]

    def __init__(
        self,
        frame: str,
        acts: Sequence[Callable[..., Any]] = (),
        events: tuple[str, ...] = (),
        script: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            html_template=frame,
            js_on_load=write_loader(script or self.script, events),
            server_functions=[write_out(act) for act in acts],
            apply_default_css=False,
            **options,
        )

    def api_info(self) -> dict[str, Any]:
        """Of its value, which is never part of the studio's own API."""
        return {"type": self.kind}


def write_out(act: Callable[..., Any]) -> Callable[..., Any]:
    """Let a server function's answer be written as JSON at once, and in its own thread where it has one.

    gradio looks at each value of it first, on the one thread that answers everybody: a list of 500 runs takes some 20
    ms there.
    """

    def write(answer: object) -> Response:
        return Response(orjson.dumps(answer, default=jsonable_encoder), media_type="application/json")

    @functools.wraps(act)
    def answer(*given: Any, **named: Any) -> Response:
        return write(act(*given, **named))

    @functools.wraps(act)
    async def answer_later(*given: Any, **named: Any) -> Response:
        return write(await act(*given, **named))

    written: Any = answer_later if inspect.iscoroutinefunction(act) else answer
    written.__signature__ = inspect.signature(act)  # gradio asks for it at each question
    return written
