"""The training options of a recipe, and the plan they come to for a given model and task.

Whatever is left out takes the preset's value. 0 means never where an interval is asked for, and it is never.
"""

from typing import Any, Literal, NamedTuple

from pydantic import Field

from studio.declaration import Declared
from studio.methods.method import Method

ADVANCED: dict[str, Any] = {"advanced": True}


class Preset(NamedTuple):
    """What a preset fills in: steps, examples a step, a factor on the learning rate, patience in evaluations."""

    title: str
    hint: str
    max_steps: int
    batch_size: int
    rate: float
    patience: int


PRESETS = {
    "quick": Preset(
        "Quick", "A first look: few, larger steps. Enough to see a small task being learnt.", 50, 16, 2.0, 0
    ),
    "one_minute": Preset("Standard", "Six times as many steps: learns the rarer cases, too.", 300, 16, 1.0, 0),
    "balanced": Preset("Balanced", "Twice as many again; a good first real run.", 600, 16, 1.0, 0),
    "careful": Preset(
        "Careful", "Slow and small steps, ends early when the validation part stops improving.", 1200, 16, 0.5, 4
    ),
}


class Optimiser(NamedTuple):
    """An optimiser: its name in transformers, and the bytes it keeps for each number that trains."""

    name: str
    state_bytes: float


OPTIMISERS = {
    "adamw": Optimiser("adamw_torch_fused", 8),
    "adamw_8bit": Optimiser("adamw_8bit", 2),
    "paged_adamw_8bit": Optimiser("paged_adamw_8bit", 2),
    "adafactor": Optimiser("adafactor", 0.1),
    "lion": Optimiser("lion_32bit", 4),
}


class Plan(NamedTuple):
    """Options with every blank filled: counts are in optimiser steps."""

    steps: int
    batch_size: int
    learning_rate: float
    evaluate_every: int
    save_every: int
    sample_every: int
    patience: int


class Training(Declared):
    """How a run trains."""

    preset: Literal["quick", "one_minute", "balanced", "careful"] = Field(
        "quick", title="Preset", description="Good values for everything below; what you set yourself wins."
    )
    max_steps: int | None = Field(
        None, ge=1, le=1_000_000, title="Steps", description="How many times the weights are adjusted."
    )
    epochs: float | None = Field(
        None,
        gt=0,
        le=1000,
        title="Epochs",
        description="How many times every example is seen; used when no number of steps is given.",
        json_schema_extra=ADVANCED,
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1024,
        title="Batch size",
        description="How many examples each step learns from at once.",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        title="Learning rate",
        description="How far each step moves the weights: too small learns nothing, too large makes the loss jump.",
    )
    gradient_accumulation: int = Field(
        1,
        ge=1,
        le=1024,
        title="Gradient accumulation",
        description="How many batches are added up before a step: a larger batch for the memory of a small one.",
        json_schema_extra=ADVANCED,
    )
    max_length: int = Field(
        512,
        ge=8,
        le=131_072,
        title="Longest example",
        description="In tokens. Longer examples are left out, so that no answer is cut in half.",
        json_schema_extra=ADVANCED,
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear",
        title="Schedule",
        description="How the learning rate changes until the end.",
        json_schema_extra=ADVANCED,
    )
    warmup_ratio: float = Field(
        0.05,
        ge=0,
        lt=1,
        title="Warm-up",
        description="The share of steps in which the learning rate rises from zero.",
        json_schema_extra=ADVANCED,
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pulls weights gently towards zero.",
        json_schema_extra=ADVANCED,
    )
    max_grad_norm: float = Field(
        1.0,
        ge=0,
        le=1000,
        title="Gradient clipping",
        description="Shortens a step that is longer than this; 0 means never.",
        json_schema_extra=ADVANCED,
    )
    optimiser: Literal["adamw", "adamw_8bit", "paged_adamw_8bit", "adafactor", "lion"] = Field(
        "adamw",
        title="Optimiser",
        description="What turns gradients into steps. adamw is the usual one; the 8-bit ones need less memory for it "
        "(paged: in the computer's own when the graphics card is full), adafactor needs hardly any, and lion "
        "wants a learning rate about five times smaller.",
        json_schema_extra=ADVANCED,
    )
    neftune_alpha: float = Field(
        0.0,
        ge=0,
        le=100,
        title="NEFTune noise",
        description="Adds a little noise to what is read, against overfitting; 5 is usual, 0 means none.",
        json_schema_extra=ADVANCED,
    )
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = Field(
        "auto",
        title="Attention",
        description="How attention is computed: the same numbers, at another speed. auto chooses; flash_attention_2 "
        "needs a graphics card and its own package.",
        json_schema_extra=ADVANCED,
    )
    mixed_precision: Literal["auto", "off"] = Field(
        "auto",
        title="Mixed precision",
        description="Computes in 16 bits where the device is faster so.",
        json_schema_extra=ADVANCED,
    )
    gradient_checkpointing: bool = Field(
        False,
        title="Gradient checkpointing",
        description="Recomputes activations to save memory; steps are slower.",
        json_schema_extra=ADVANCED,
    )
    evaluate_every: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        title="Evaluate every",
        description="Steps between two measurements of the validation loss; 0 means never.",
        json_schema_extra=ADVANCED,
    )
    save_every: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        title="Save every",
        description="Steps between two checkpoints; 0 means only at the end.",
        json_schema_extra=ADVANCED,
    )
    sample_every: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        title="Sample every",
        description="Steps between two rounds of sample answers; 0 means never.",
        json_schema_extra=ADVANCED,
    )
    patience: int | None = Field(
        None,
        ge=0,
        le=1000,
        title="Early stopping",
        description="Ends when so many evaluations in a row did not improve on the validation part; 0 means never.",
        json_schema_extra=ADVANCED,
    )
    keep_checkpoints: int = Field(
        6,
        ge=1,
        le=1000,
        title="Checkpoints to keep",
        description="Older ones are deleted, the best and the newest never.",
        json_schema_extra=ADVANCED,
    )
    measures_itself: bool = Field(
        True,
        title="Measure itself",
        description="Scores the base before the first step, each checkpoint, and the end, on instances that are never "
        "trained on; takes at most a tenth of the time.",
        json_schema_extra=ADVANCED,
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        title="Seed",
        description="The same seed shuffles the same way.",
        json_schema_extra=ADVANCED,
    )

    @property
    def shares_beginnings(self) -> bool:
        """Whether the common beginning of a batch may be read once; NEFTune's noise hangs on the length of a row."""
        return not self.neftune_alpha

    def plan(self, method: Method, parameters: int | None, examples: int, rate_factor: float = 1.0) -> Plan:
        """Fill every blank for a base of `parameters` weights and this many training examples.

        `rate_factor` is the objective's, on the method's own learning rate.
        """
        preset = PRESETS[self.preset]
        batch = self.batch_size or preset.batch_size
        steps = self.max_steps or preset.max_steps
        if self.max_steps is None and self.epochs is not None:
            steps = max(1, round(self.epochs * examples / (batch * self.gradient_accumulation)))
        every = max(1, steps // 4)
        rate = self.learning_rate or method.default_learning_rate(parameters) * preset.rate * rate_factor
        return Plan(
            steps=steps,
            batch_size=batch,
            learning_rate=rate,
            evaluate_every=every if self.evaluate_every is None else self.evaluate_every,
            save_every=every if self.save_every is None else self.save_every,
            sample_every=every if self.sample_every is None else self.sample_every,
            patience=preset.patience if self.patience is None else self.patience,
        )
