"""Signing in with Hugging Face, where the studio is a Space that allows it: by whose token something is pushed.

What the hub says of a visitor is kept by gradio in a signed cookie of their own browser. It is read from the question
that it came with and kept nowhere else: in no file, log, event or another visitor's page.
"""

import os
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from gradio.utils import get_space

from studio.ui.frame.visiting import Asking

NEEDED = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""What a Space sets whose README says hf_oauth."""
LIBRARIES = ("authlib", "itsdangerous")
ADDRESS = "login/huggingface"


def offers_sign_in(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether visitors can sign in here."""
    return bool(get_space()) and all(environment.get(name) for name in NEEDED) and all(map(find_spec, LIBRARIES))


def read_token(request: Asking) -> str:
    """Return the token of a visitor who is signed in, "" of any other."""
    return str(_read_session(request).get("access_token") or "")


def read_name(request: Asking) -> str:
    """Return the name that a visitor who is signed in has on the hub, "" of any other."""
    about = _read_session(request).get("userinfo")
    return str(about.get("preferred_username") or "")[:100] if isinstance(about, Mapping) else ""


def _read_session(request: Asking) -> Mapping[str, Any]:
    """What the hub said when they signed in, nothing where that has expired."""
    scope = getattr(getattr(request, "request", None), "scope", None) or {}
    found = (scope.get("session") or {}).get("oauth_info")
    if not isinstance(found, Mapping) or float(found.get("expires_at") or 0) < time.time():
        return {}
    return found
