"""rsLoRA: LoRA whose strength doesn't fade at large ranks (Kalajdzievski 2023, arXiv:2312.03732)."""

from typing import Any, ClassVar

from studio.methods.low_rank import LowRank


class RsLora(LowRank):
    """Rank-stabilised LoRA: the pair's output is multiplied by alpha / sqrt(rank) instead of alpha / rank."""

    name: ClassVar[str] = "rslora"
    title: ClassVar[str] = "rsLoRA"
    position: ClassVar[int] = 4
    summary: ClassVar[str] = "LoRA whose pair is divided by the root of its rank, so that large ranks still learn."
    when: ClassVar[str] = "When you want a large rank, 32 or more; at a small one it is LoRA with a larger step."
    paper: ClassVar[str] = "https://arxiv.org/abs/2312.03732"
    skips_rows: ClassVar[bool] = True
    learning_rate_small: ClassVar[float] = 1e-3
    learning_rate_large: ClassVar[float] = 1e-4

    def _options(self) -> dict[str, Any]:
        return {"use_rslora": True}
