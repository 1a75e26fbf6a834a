"""What a person can do, one desk a use case. `Studio` is the face that page, API, command line and notebook call."""

from studio.service.studio import Studio

__all__ = ["Studio"]
