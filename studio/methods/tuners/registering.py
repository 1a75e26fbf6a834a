"""Making a tuner of ours known to peft under a name of its own.

peft takes only names that are in its enumeration, so the enumeration gets one more; nothing else of it is changed.
"""

from typing import Any

from peft.utils import PeftType, register_peft_method

from studio.foreign import Original

READ_FROM = (
    Original("peft.utils.PeftType", "0.21.2", "693586aab54f"),
    Original("peft.utils.register_peft_method", "0.21.2", "6229fa0a52ef"),
)


def register_tuner(name: str, config: type[Any], model: type[Any]) -> None:
    """Add a member to peft's types and register its configuration and its model. A second time does nothing."""
    kind = name.upper()
    if kind in PeftType.__members__:
        return
    member = str.__new__(PeftType, kind)
    member._name_, member._value_ = kind, kind
    type.__setattr__(PeftType, kind, member)
    PeftType._member_names_.append(kind)
    PeftType._member_map_[kind] = member
    PeftType._value2member_map_[kind] = member
    register_peft_method(name=name, config_cls=config, model_cls=model)
