"""A short list of base models worth starting with; any folder or hub id may be used besides.

The figures are those of each model's own card and config; what the studio computes with is read from the config itself.
Only models that transformers loads by itself, as a causal language model, from safetensors: nothing the studio would
refuse.
"""

from typing import Literal

from pydantic import BaseModel

from studio.models.reference import BUILTIN, ENCODER, ModelRef

Size = Literal["small", "medium", "large"]


class ModelCard(BaseModel, frozen=True):
    """One suggestion: `parameters` and `context` (tokens) as its authors state them.

    `chat` is one that its authors taught to follow instructions; others only continue a text. A `gated` one is given
    only to those who have accepted its terms on the hub.
    """

    ref: str
    title: str
    summary: str
    licence: str
    parameters: int
    context: int
    chat: bool = False
    gated: bool = False

    @property
    def local(self) -> bool:
        """Whether it works without a network from the first minute."""
        return ModelRef(ref=self.ref).is_own

    @property
    def size(self) -> Size:
        """Small is below a billion parameters, large above five."""
        return "small" if self.parameters < 1.01e9 else "medium" if self.parameters < 5e9 else "large"


CATALOGUE = (
    ModelCard(
        ref=BUILTIN,
        title="Little World 5M",
        licence="apache-2.0",
        parameters=5_480_000,
        context=1024,
        summary="Comes with the studio. Knows simple English, follows no instructions yet, and learns a small task "
        "on any computer.",
    ),
    ModelCard(
        ref=ENCODER,
        title="Little Encoder 4M",
        licence="apache-2.0",
        parameters=4_000_000,
        context=1024,
        summary="Tells texts apart: start from it with few labels (SetFit) or contrastive pairs. What it writes makes "
        "no sense.",
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
        ref="google/gemma-3-270m",
        title="Gemma 3 270M",
        licence="gemma",
        parameters=268_098_176,
        context=32768,
        gated=True,
        summary="Made to be fine-tuned for one narrow task; more than half of it is the table of its many words.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-360M",
        title="SmolLM2 360M",
        licence="apache-2.0",
        parameters=361_821_120,
        context=8192,
        summary="Writes clearly better than the 135M; still small enough for a processor.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-360M-Instruct",
        title="SmolLM2 Instruct 360M",
        licence="apache-2.0",
        parameters=361_821_120,
        context=8192,
        chat=True,
        summary="The 360M taught to follow instructions: the smallest here that answers a question by itself.",
    ),
    ModelCard(
        ref="Qwen/Qwen3-0.6B",
        title="Qwen3 0.6B",
        licence="apache-2.0",
        parameters=596_049_920,
        context=40960,
        chat=True,
        summary="Many languages and some reasoning; best with a graphics card.",
    ),
    ModelCard(
        ref="google/gemma-3-1b-pt",
        title="Gemma 3 1B",
        licence="gemma",
        parameters=999_885_952,
        context=32768,
        gated=True,
        summary="Text only; a large vocabulary, so its last layer is what costs memory.",
    ),
    ModelCard(
        ref="google/gemma-3-1b-it",
        title="Gemma 3 Instruct 1B",
        licence="gemma",
        parameters=999_885_952,
        context=32768,
        gated=True,
        chat=True,
        summary="The 1B taught to chat, in English; text only.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.2-1B",
        title="Llama 3.2 1B",
        licence="llama3.2",
        parameters=1_235_814_400,
        context=131072,
        gated=True,
        summary="Eight languages and long texts, small enough for a laptop to hold.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.2-1B-Instruct",
        title="Llama 3.2 Instruct 1B",
        licence="llama3.2",
        parameters=1_235_814_400,
        context=131072,
        gated=True,
        chat=True,
        summary="The 1B taught to chat, in eight languages.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-1.7B",
        title="SmolLM2 1.7B",
        licence="apache-2.0",
        parameters=1_711_376_384,
        context=8192,
        summary="The largest of its family: English, with its training data open too.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM2-1.7B-Instruct",
        title="SmolLM2 Instruct 1.7B",
        licence="apache-2.0",
        parameters=1_711_376_384,
        context=8192,
        chat=True,
        summary="The 1.7B taught to follow instructions, in English.",
    ),
    ModelCard(
        ref="Qwen/Qwen3-1.7B",
        title="Qwen3 1.7B",
        licence="apache-2.0",
        parameters=1_720_574_976,
        context=40960,
        chat=True,
        summary="Many languages, follows instructions and reasons in steps when asked to.",
    ),
    ModelCard(
        ref="HuggingFaceTB/SmolLM3-3B",
        title="SmolLM3 3B",
        licence="apache-2.0",
        parameters=3_075_098_624,
        context=65536,
        chat=True,
        summary="A strong and fully open 3-billion model in six languages, which can reason before it answers.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.2-3B",
        title="Llama 3.2 3B",
        licence="llama3.2",
        parameters=3_212_749_824,
        context=131072,
        gated=True,
        summary="Eight languages and long texts on a small graphics card.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.2-3B-Instruct",
        title="Llama 3.2 Instruct 3B",
        licence="llama3.2",
        parameters=3_212_749_824,
        context=131072,
        gated=True,
        chat=True,
        summary="The 3B taught to chat, in eight languages; good at summaries and rewriting.",
    ),
    ModelCard(
        ref="Qwen/Qwen3-4B",
        title="Qwen3 4B",
        licence="apache-2.0",
        parameters=4_022_468_096,
        context=40960,
        chat=True,
        summary="Like the smaller Qwen3 models and better in every respect; needs a graphics card.",
    ),
    ModelCard(
        ref="mistralai/Mistral-7B-v0.3",
        title="Mistral 7B",
        licence="apache-2.0",
        parameters=7_248_023_552,
        context=32768,
        summary="The classic to fine-tune; no terms to accept.",
    ),
    ModelCard(
        ref="mistralai/Mistral-7B-Instruct-v0.3",
        title="Mistral Instruct 7B",
        licence="apache-2.0",
        parameters=7_248_023_552,
        context=32768,
        chat=True,
        summary="The classic taught to chat; knows calls of tools, too.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.1-8B",
        title="Llama 3.1 8B",
        licence="llama3.1",
        parameters=8_030_261_248,
        context=131072,
        gated=True,
        summary="Eight languages and long texts; the most tuned base of its size.",
    ),
    ModelCard(
        ref="meta-llama/Llama-3.1-8B-Instruct",
        title="Llama 3.1 Instruct 8B",
        licence="llama3.1",
        parameters=8_030_261_248,
        context=131072,
        gated=True,
        chat=True,
        summary="The 8B taught to chat and to call tools, in eight languages.",
    ),
    ModelCard(
        ref="Qwen/Qwen3-8B",
        title="Qwen3 8B",
        licence="apache-2.0",
        parameters=8_190_735_360,
        context=40960,
        chat=True,
        summary="Many languages, no terms to accept; fits a 12 GB graphics card in 4 bits.",
    ),
)


def name_base(ref: str) -> str:
    """Return what people call a base: its title here, or the last part of its address."""
    titles = {card.ref: card.title for card in CATALOGUE}
    return titles.get(ref, ref.rstrip("/").rpartition("/")[2])
