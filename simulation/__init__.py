"""Magnets: material, grain structures, planar micromagnetics, demagnetisation curves, anchor points and labels.

Angles are radians from +y towards +x, lengths nm where a person reads them, fields in H_A and magnetisation in Ms
unless a name says otherwise. Names are imported on first use, so that `import simulation` costs nothing.
"""

from __future__ import annotations

from simulation.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
