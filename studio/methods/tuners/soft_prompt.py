"""peft's model of learnt tokens, made right for rows padded on the left and for reading on from a cache.

peft puts the tokens before the padding and lets positions count it: a padded row is then another text than the same row
alone. Here the tokens of prompt and P-tuning are between padding and text, those of prefix tuning in the cache, and
positions count what is real. Files are the same as peft's.
"""

from typing import Any, NamedTuple

import torch
from peft import PeftModelForCausalLM, PeftType

from studio.foreign import Original

READ_FROM = (
    Original("peft.PeftModelForCausalLM.forward", "0.21.2", "f42dc2c8336a"),
    Original("peft.PeftModelForCausalLM.generate", "0.21.2", "e9da9d8ffe6b"),
    Original("peft.PeftModel.get_prompt", "0.21.2", "ef65a750844e"),
)


class Widened(NamedTuple):
    """What the base is given to read: mask and positions cover the learnt tokens too."""

    mask: torch.Tensor | None
    positions: torch.Tensor | None
    order: torch.Tensor | None


class SoftPromptModel(PeftModelForCausalLM):
    """A causal language model with learnt tokens before whatever it reads; one row of logits for each given token."""

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        labels: Any = None,
        past_key_values: Any = None,
        position_ids: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Read `input_ids` after the learnt tokens, or on from a cache that holds them."""
        length, fresh = input_ids.shape[1], past_key_values is None or past_key_values.get_seq_length() == 0
        if fresh and self._is_prefix:
            past_key_values = self.get_prompt(len(input_ids))
        inserts = fresh and not self._is_prefix
        wide = self._widen(attention_mask, length + (self._tokens if inserts else 0))
        given = {"input_ids": input_ids, "labels": labels}
        if inserts:
            given = {"inputs_embeds": self._insert(input_ids, wide.order)}
            if labels is not None:
                given["labels"] = self._reorder(labels.new_full((len(labels), self._tokens), -100), labels, wide.order)
        out = self.base_model(
            **given,
            attention_mask=wide.mask,
            position_ids=wide.positions,
            past_key_values=past_key_values,
            **kwargs,
        )
        out.logits = out.logits[:, -length:]
        return out

    def generate(self, input_ids: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
        """Return `input_ids` and what is written after them."""
        if self._adapters_disabled:
            return self.base_model.generate(input_ids=input_ids, attention_mask=attention_mask, **kwargs)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        wide = self._widen(mask, 0)
        if self._is_prefix:  # generate takes as many ids as the cache has for read
            room = input_ids.new_zeros(len(input_ids), self._tokens)
            written = self.base_model.generate(
                input_ids=torch.cat([room, input_ids], dim=1),
                attention_mask=wide.mask,
                past_key_values=self.get_prompt(len(input_ids)),
                **kwargs,
            )
            return written[:, self._tokens :]
        embeds = self._insert(input_ids, wide.order)
        written = self.base_model.generate(inputs_embeds=embeds, attention_mask=wide.mask, **kwargs)
        return torch.cat([input_ids, written], dim=1)

    @property
    def _is_prefix(self) -> bool:
        return bool(self.active_peft_config.peft_type == PeftType.PREFIX_TUNING)

    @property
    def _tokens(self) -> int:
        return int(self.active_peft_config.num_virtual_tokens)

    def _widen(self, mask: Any, length: int) -> Widened:
        """Let a mask (batch x all tokens so far) cover the learnt tokens; positions are those of the last `length`."""
        if mask is None:
            return Widened(None, None, None)
        padding = torch.zeros_like(mask[:, :1]) if self._is_prefix else (mask.cumsum(1) == 0).sum(1, keepdim=True)
        places = torch.arange(mask.shape[1] + self._tokens, device=mask.device)[None]
        order = torch.where(places < padding, places + self._tokens, places - padding)
        order = torch.where(places >= padding + self._tokens, places, order)
        wide = self._reorder(mask.new_ones(len(mask), self._tokens), mask, order)
        positions = (wide.cumsum(1) - 1).clamp(min=0)
        return Widened(wide, positions[:, -length:], order)

    def _insert(self, input_ids: Any, order: Any) -> Any:
        """The embeddings of the learnt tokens and the text, batch x (tokens + length) x width."""
        embeds = self.get_base_model().get_input_embeddings()(input_ids)
        learnt = self.get_prompt(batch_size=len(input_ids)).to(embeds.dtype)
        return self._reorder(learnt, embeds, order)

    @staticmethod
    def _reorder(learnt: Any, text: Any, order: Any) -> Any:
        """Learnt tokens before the text, taken in `order` where one is given."""
        both = torch.cat([learnt, text], dim=1)
        if order is None:
            return both
        order = order.expand(len(both), -1)
        return both.gather(1, order[..., None].expand(-1, -1, both.shape[2]) if both.dim() == 3 else order)
