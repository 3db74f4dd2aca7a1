"""Learning: encodings of grain structures, variational autoencoder, multi-head regressor, training and metrics.

Names are imported on first use, so that `import surrogate` does not import Keras.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_attached, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # ten milliseconds that an import does not pay

        return version("inverse-design")
    return _attached(name)
