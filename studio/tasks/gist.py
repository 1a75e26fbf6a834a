"""What is compared of instances to find those that are nearly the same.

Of a conversation that is what is asked without the turns that many begin with alike: two chats aren't alike because one
long system text comes before both. Knows turns and no way of comparing (`checks/similarity.py`).
"""

from collections import Counter
from collections.abc import Sequence

from studio.tasks.instance import Instance
from studio.tasks.turns import write_key

COMMON = 0.25
"""The share of different conversations from which a turn that is in them says nothing about one."""
_FEW = 2


def list_gists(instances: Sequence[Instance]) -> list[str]:
    """Return of each instance the text by which it is compared: what is asked, or the answer where nothing is."""
    keys = [instance.key for instance in instances]
    turns = {key: instance.before for key, instance in zip(keys, instances, strict=True) if len(instance.before) > 1}
    said = Counter(text for some in turns.values() for text in {write_key([turn]) for turn in some})
    most = max(_FEW, COMMON * len(turns))
    gists = {key: write_key([turn for turn in some if said[write_key([turn])] <= most]) for key, some in turns.items()}
    return [gists.get(key) or key or instance.output[0] for key, instance in zip(keys, instances, strict=True)]
