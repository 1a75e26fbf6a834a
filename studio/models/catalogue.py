"""A short list of base models worth starting with; any folder or hub id may be used besides.

The figures are those of each model's own card and config; what the studio computes with is read from the config itself.
"""

from pydantic import BaseModel

from studio.models.reference import BUILTIN


class ModelCard(BaseModel, frozen=True):
    """One suggestion: `parameters` and `context` (tokens) as its authors state them."""

    ref: str
    title: str
    summary: str
    licence: str
    parameters: int
    context: int

    @property
    def local(self) -> bool:
        """Whether it works without a network from the first minute."""
        return self.ref == BUILTIN


CATALOGUE = (
    ModelCard(
        ref=BUILTIN,
        title="Little World 5M",
        licence="apache-2.0",
        parameters=5_480_000,
        context=1024,
        summary="Comes with the studio. Knows simple English, follows no instructions yet, and learns a small task "
        "in under a minute on any laptop.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-135M",
        title="SmolLM2 135M",
        licence="apache-2.0",
        parameters=134_515_008,
        context=8192,
        summary="A small English model that still runs on a laptop's processor; good for short texts.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-360M",
        title="SmolLM2 360M",
        licence="apache-2.0",
        parameters=361_821_120,
        context=8192,
        summary="Writes clearly better than its little sister; a few minutes a run on a processor.",
    ),
    ModelCard(
        ref="Qwen/Qwen3-0.6B",
        title="Qwen3 0.6B",
        licence="apache-2.0",
        parameters=596_049_920,
        context=40960,
        summary="Many languages and some reasoning; best with a graphics card.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM3-3B",
        title="SmolLM3 3B",
        licence="apache-2.0",
        parameters=3_075_098_624,
        context=65536,
        summary="A strong open 3-billion model; QLoRA fits a graphics card with 8 GB.",
    ),
    ModelCard(
        ref="mistralai/Mistral-7B-v0.3",
        title="Mistral 7B",
        licence="apache-2.0",
        parameters=7_248_023_552,
        context=32768,
        summary="The classic to fine-tune; QLoRA fits a graphics card with 12 GB or more.",
    ),
)
