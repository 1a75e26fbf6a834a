"""Export: a model is written as one file, in a form that other programs read."""

from typing import Any, ClassVar

from pydantic import Field, field_validator

from studio.errors import ModelError
from studio.models.catalogue import name_base
from studio.models.reference import ModelRef
from studio.runs.run import Run
from studio.works.work import FindTitle, Work


class Export(Work):
    """The fourth kind: of any model by its address; the file lies in the folder of this work, whole or absent.

    What forms there are, and their options, is for studio.exporting.
    """

    name: ClassVar[str] = "export"
    title: ClassVar[str] = "Export"
    enters: ClassVar[str] = "studio.exporting.packing:export"
    doing: ClassVar[str] = "exporting"
    unit: ClassVar[str] = "part"
    phases: ClassVar[tuple[str, ...]] = ("Loading the libraries", "Writing the first part")
    position: ClassVar[int] = 30

    model: str = Field(min_length=1, max_length=1000, title="Model", description="Its address: run:brave-otter@120.")
    revision: str | None = Field(None, max_length=200)
    form: str = Field(min_length=1, max_length=40, title="Form")
    options: dict[str, Any] = {}

    @field_validator("model")
    @classmethod
    def _is_an_address(cls, model: str) -> str:
        try:
            ModelRef(ref=model).made  # noqa: B018 - it is read to be checked
        except ModelError as error:
            raise ValueError(str(error)) from None
        return model

    @property
    def ref(self) -> ModelRef:
        """The model that is exported."""
        return ModelRef(ref=self.model, revision=self.revision)

    @property
    def about(self) -> str:
        """The run that made the model, "" where none did."""
        made = self.ref.made
        return made.name if made and made.kind == "run" else ""

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return what is written, and of which model."""
        title = f"Export of {name_model(self.ref)}"
        return title, f"{title} as {self.form}"


def name_model(ref: ModelRef) -> str:
    """Return what people call a model: brave-otter, step 120; Little World 5M."""
    made = ref.made
    if not made:
        return name_base(ref.ref)
    name = Run.name_of(made.name) if made.kind == "run" else made.name
    return name + (f", step {made.step:,}" if made.step is not None else "")
