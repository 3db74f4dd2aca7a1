"""The one family of errors that a user can cause: the command line prints their text and exits with code 2."""


class InputError(ValueError):
    """Bad input or environment, said in one or two lines: what, where, what is allowed."""
