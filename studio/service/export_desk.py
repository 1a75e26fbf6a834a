"""Taking models away: which forms there are of a model, an export in the queue, and the file that it came to.

Knows whose runs are whose from the studio that makes it; how a form is written is for studio.exporting.
"""

import contextlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

from studio.declaration import FormField, form_fields, show
from studio.errors import InputError, NotFoundError, StudioError
from studio.exporting import FORMS, Form
from studio.exporting.form import Source, check_form
from studio.exporting.hub import check_target, push_file, push_task
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.runs.status import ACTIVE
from studio.service.model_desk import ModelDesk
from studio.service.waiting import do_and_wait
from studio.visitor import check_known
from studio.works.export import Export

DATA = "data"
"""What a task is pushed as; not a form, for no model can be taken away so."""


class Offered(NamedTuple):
    """A form of a model: its name and what it is for; `refusal` says why this model has none, "" where it has."""

    form: str
    title: str
    summary: str
    purpose: str
    options: list[FormField]
    refusal: str
    size: int | None = None
    """About so many bytes, None where that is little or unknown."""
    code: str = ""
    """The lines of Python that load it, "" where it isn't read by Python."""


class ExportDesk(ModelDesk):
    """What a visitor takes away. `endpoint` is where the hub is, None for where it always is."""

    endpoint: str | None = None

    def list_forms(self, model: str) -> list[Offered]:
        """Return every form, and in words why this model can't have it. Raises StudioError for no model."""
        source = self._find_source(ModelRef(ref=model))
        return [_offer(FORMS.read(name), source) for name in FORMS.members]

    def start(self, model: object, form: object, options: object = None, request: str = "") -> str:
        """Put an export into the queue; return the id of the work. That of an equal one is returned instead.

        Raises InputError, ModelError or NotFoundError in words.
        """
        check_known(self.visitor)
        work = self.read(model, form, options)
        return self._find_equal(work) or self._queue(work, request)

    def read(self, model: object, form: object, options: object = None) -> Export:
        """Return what is asked for as work, with the step and every option written out. Raises StudioError."""
        if not isinstance(model, str) or not 0 < len(model) <= 1000 or not is_whole_text(model):
            raise InputError(f"model is an address, such as run:brave-otter@120, not {show(model)}.", field="model")
        if options is not None and not isinstance(options, dict):
            raise InputError(
                f'options is an object, such as {{"numbers": "f16"}}, not {show(options)}.', field="options"
            )
        FORMS.find(form)
        wanted = FORMS.read({**(options or {}), "name": form})
        source = self._find_source(ModelRef(ref=model))
        check_form(wanted, source)
        rest = {key: value for key, value in wanted.model_dump(mode="json").items() if key != "name"}
        return Export(
            model=source.stack.address.ref, revision=source.stack.address.revision, form=wanted.name, options=rest
        )

    def find_file(self, work_id: str) -> Path:
        """Return the file of a finished export. Raises NotFoundError where there is none."""
        run = self._find(work_id)
        found = next(iter(run.exports_folder.glob("*")), None) if run.kind == Export.name else None
        if found is None:
            raise NotFoundError(f"{run.name} has written no file yet. Wait until it has finished.", field="run_id")
        return found

    def export(self, model: object, form: object, options: object = None) -> Path:
        """Return the file of a model in a form, when it is written. Raises StudioError in words."""
        start = partial(self.start, model, form, options)
        return self.find_file(do_and_wait(self.scheduler, self.visitor, start, self._find))

    def push(self, model: object, form: object, repo: object, token: object, private: object = True) -> str:
        """Put a model, exported, into a repository of the hub; return the address of its page. Raises StudioError.

        The form "data" puts a task there as a data set, `model` being its id. The token is the visitor's: it is used
        and forgotten.
        """
        checked = check_target(repo, token, private)
        if form == DATA:
            task = self._load_task(str(model))
            return push_task(task, self.workspace.cache, str(repo), checked, bool(private), self.endpoint)
        return push_file(self.export(model, form), str(repo), checked, bool(private), self.endpoint)

    def _find_source(self, ref: ModelRef) -> Source:
        return Source(self.workspace, self._resolve(ref), find_device())

    def _find_equal(self, work: Export) -> str:
        for status in self.scheduler.look_at_all():
            if status.kind == Export.name and status.status in (*ACTIVE, "queued", "finished"):
                with contextlib.suppress(StudioError):  # another's, or one that can't be read
                    if Export.load(self._find(status.run_id)) == work:
                        return status.run_id
        return ""


def is_whole_text(text: str) -> bool:
    """Whether a text holds no half of a letter, of which no file's name can be made."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _offer(form: Form, source: Source) -> Offered:
    offered = Offered(form.name, form.title, form.summary, form.purpose, form_fields(type(form)), "")
    try:
        check_form(form, source)
    except StudioError as error:
        return offered._replace(refusal=str(error))
    return offered._replace(summary=form.describe(source), size=form.guess_bytes(source), code=form.write_code(source))
