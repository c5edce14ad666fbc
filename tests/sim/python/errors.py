#: role errors
#: says class InvalidValue(Error, ValueError)
#: says class NotFound(Error, LookupError)
#: says class AlreadyThere(Error, ValueError)
"""Errors of the library."""


class Error(Exception):
    """What is wrong with a call."""


class InvalidValue(Error, ValueError):
    """The value must not be."""


class NotFound(Error, LookupError):
    """The key is not known."""


class AlreadyThere(Error, ValueError):
    """The key is known."""
