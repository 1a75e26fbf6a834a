"""Nats: how surprising what is wanted is to a model, in all. Imports torch inside its functions.

Of an answer, the tokens that a training would learn from; of running text, all of it after a token that begins it.
"""

from typing import Any, NamedTuple

from studio.evidence.metrics.metric import has_answers
from studio.models.forward import call_model
from studio.objectives.objective import Objective
from studio.tasks.task import Instance, Task


class Nats(NamedTuple):
    """Minus the log-probability of `tokens` tokens, which come to `bytes` of text; 0 of 0 where nothing fits."""

    nats: float
    tokens: int
    bytes: int


def read_nats(model: Any, tokenizer: Any, objective: Objective, task: Task, instance: Instance, context: int) -> Nats:
    """Return how surprising the first reference of an instance is, its end included; 0 of 0 for who only chooses."""
    if has_answers(task):
        if "embeddings" in objective.needs:
            return Nats(0.0, 0, 0)
        example = objective.encode(task, instance, tokenizer, context)
        return _read(model, tokenizer, example[0].input_ids, example[0].labels) if example else Nats(0.0, 0, 0)
    begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    ids = [begin, *tokenizer(instance.output[0], add_special_tokens=False)["input_ids"]][:context]
    return _read(model, tokenizer, ids, [-100, *ids[1:]])


def _read(model: Any, tokenizer: Any, ids: list[int], labels: list[int]) -> Nats:
    import torch

    places = [place for place, label in enumerate(labels) if label != -100 and place > 0]
    if not places:
        return Nats(0.0, 0, 0)
    with torch.no_grad():
        logits = call_model(model, input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0]
    read = logits[[place - 1 for place in places]].float().log_softmax(dim=-1)
    wanted = [ids[place] for place in places]
    nats = -float(read[range(len(wanted)), wanted].sum())
    text = tokenizer.decode(wanted, skip_special_tokens=True)
    return Nats(nats, len(wanted), len(text.encode()))
