"""Learning: encodings of grain structures, variational autoencoder, multi-head regressor, training and metrics.

Names are imported on first use, so that `import surrogate` does not import Keras.
"""

from __future__ import annotations

from simulation.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
