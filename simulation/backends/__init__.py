"""Solvers behind one function: `simulate(microstructure, material, sweep, discretization, keep) -> curve`."""

from __future__ import annotations


def discretization_of(backend: str, discretization: str) -> str:
    """What a backend simulates by when it is asked for this: fidimag knows cells only, and is not asked for more."""
    return "cells" if backend == "fidimag" and discretization == "elements" else discretization
