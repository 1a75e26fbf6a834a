"""Direct preference optimisation: a better answer gains on a worse one, measured from where the run starts.

Rafailov et al. 2023, arXiv:2305.18290. IPO: Azar et al. 2023, arXiv:2310.12036, by the mean of an answer's tokens.
Conservative: Mitchell 2023, https://ericmitchell.ai/cdpo.pdf. Robust: Chowdhury et al. 2024, arXiv:2403.00409.
"""

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.objective import Need
from studio.objectives.preferring import KL, Compared, Hold, Preferring, estimate_kl, measure_pairs, read_pairs
from studio.objectives.watching import Watching

if TYPE_CHECKING:
    from torch import Tensor


class Dpo(Watching, Preferring):
    """Learn to prefer the better answers."""

    name: ClassVar[str] = "dpo"
    title: ClassVar[str] = "Preferences (DPO)"
    position: ClassVar[int] = 20
    summary: ClassVar[str] = (
        "Shows the model a better and a worse answer, and trains it to prefer the better one, held to where it starts."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"reference"})
    learning_rate_factor: ClassVar[float] = 0.05

    variant: Literal["dpo", "length_normalised", "ipo", "robust"] = Field(
        "dpo",
        title="Form of DPO",
        description="dpo compares whole answers; length_normalised their mean token, so that long answers gain nothing "
        "by their length (beta 2 to 5); ipo stops at a margin of 1 / (2 beta) a token; robust reckons with pairs that "
        "are the wrong way round.",
    )
    beta: Hold = 0.1
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        title="Label smoothing",
        description="The share of pairs that may be the wrong way round. With the form dpo this is conservative DPO.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _smooths_what_can_be(self) -> Self:
        if self.variant == "ipo" and self.label_smoothing:
            raise ValueError("IPO has no label smoothing. Set label_smoothing to 0, or choose the form dpo or robust.")
        return self

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return the loss of each pair (pairs); with the form dpo, -log sigmoid of beta times its margin."""
        from torch.nn.functional import logsigmoid

        answers, lengths = read_pairs(logprobs, batch)
        gains = Compared(*(now - start for now, start in zip(answers, batch.split(batch.reference), strict=True)))
        by_token = Compared(gains.better / lengths.better, gains.worse / lengths.worse)
        measures = {**measure_pairs(gains, gains.better, lengths), KL.name: estimate_kl(gains, lengths)}
        if self.variant == "ipo":
            return (by_token.margin - 1 / (2 * self.beta)) ** 2, measures
        wrong = self.label_smoothing
        margin = self.beta * (by_token if self.variant == "length_normalised" else gains).margin
        right, swapped = -logsigmoid(margin), -logsigmoid(-margin)
        if self.variant == "robust":
            return ((1 - wrong) * right - wrong * swapped) / (1 - 2 * wrong), measures
        return (1 - wrong) * right + wrong * swapped, measures
