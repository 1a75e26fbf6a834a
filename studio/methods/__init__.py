"""Which weights train. The head of the family is `method.Method`; adding a method is adding one file here."""

from studio.methods.method import Method
from studio.plugins import Family

METHODS: Family[Method] = Family(Method, __name__, "method")

__all__ = ["METHODS", "Method"]
