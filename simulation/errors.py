"""The one family of errors that a user can cause: the command line prints their text and exits with code 2."""


class InputError(ValueError):
    """Bad input or environment, said in one or two lines: what, where, what is allowed."""


class SolverError(InputError):
    """A solver came to no curve of one structure: a command on that structure ends with the sentence, a labelling goes
    on with the others."""
