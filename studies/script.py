"""What the scripts of this folder have in common."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from simulation import InputError

P = ParamSpec("P")


def command(main: Callable[P, int]) -> Callable[P, int]:
    """A script's main function that prints the sentence of an `InputError` and returns the exit code 2 for it."""

    @functools.wraps(main)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2

    return guarded
