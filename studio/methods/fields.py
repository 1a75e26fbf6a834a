"""The settings that several methods share, each declared once: rank, alpha, dropout, target modules."""

from typing import Annotated

from pydantic import Field

Rank = Annotated[
    int,
    Field(
        ge=1,
        le=256,
        title="Rank",
        description="The width of the thin pair: a larger rank can learn more and trains more numbers.",
    ),
]
Alpha = Annotated[
    int,
    Field(
        ge=1,
        le=1024,
        title="Alpha",
        description="How strongly the pair is applied: its output is multiplied by alpha / rank.",
        json_schema_extra={"advanced": True},
    ),
]
Dropout = Annotated[
    float,
    Field(
        ge=0,
        le=0.9,
        title="Dropout",
        description="The share of inputs that is ignored at random while training, against overfitting.",
        json_schema_extra={"advanced": True},
    ),
]
Targets = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        title="Target modules",
        description="Which layers are tuned: all-linear, attention, mlp, or names of layers.",
        json_schema_extra={"suggestions": ["all-linear", "attention", "mlp"], "example": "q_proj, v_proj"},
    ),
]
VirtualTokens = Annotated[
    int,
    Field(
        ge=1,
        le=1000,
        title="Learnt tokens",
        description="How many tokens are learnt. They take room in the model's context like any others.",
    ),
]
