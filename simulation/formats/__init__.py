"""Structures in the file formats of other programs: read from them, and written for other solvers.

Names are imported on first use: options are known to every command, readers and solvers only to those that need them.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
