"""The report of a run: one offline page and its figures, from plain values; knows nothing of Keras or TensorFlow."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
