"""Learning: encodings of grain structures, variational autoencoder, multi-head regressor, training and metrics.

Names are imported on first use, so that `import surrogate` does not import Keras.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Autoencoder": "autoencoder",
    "Encoding": "encoding",
    "FamilyImages": "images",
    "GrainDecoder": "grain_decoder",
    "GrainDecoderArchitecture": "architecture",
    "GrainDecoderTraining": "settings",
    "History": "fitting",
    "RegressorArchitecture": "architecture",
    "RegressorTraining": "settings",
    "Schedule": "settings",
    "Surrogate": "surrogate",
    "VAEArchitecture": "architecture",
    "VAETraining": "settings",
    "continue_training": "training",
    "save_history": "fitting",
    "train_grain_decoder": "grain_training",
    "train_regressor": "training",
    "train_vae": "training",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"surrogate.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib.metadata import version  # ten milliseconds that an import does not pay

        return version("inverse-design")
    raise AttributeError(f"module 'surrogate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))


if TYPE_CHECKING:
    from surrogate.architecture import GrainDecoderArchitecture as GrainDecoderArchitecture
    from surrogate.architecture import RegressorArchitecture as RegressorArchitecture
    from surrogate.architecture import VAEArchitecture as VAEArchitecture
    from surrogate.autoencoder import Autoencoder as Autoencoder
    from surrogate.encoding import Encoding as Encoding
    from surrogate.fitting import History as History
    from surrogate.fitting import save_history as save_history
    from surrogate.grain_decoder import GrainDecoder as GrainDecoder
    from surrogate.grain_training import train_grain_decoder as train_grain_decoder
    from surrogate.images import FamilyImages as FamilyImages
    from surrogate.settings import GrainDecoderTraining as GrainDecoderTraining
    from surrogate.settings import RegressorTraining as RegressorTraining
    from surrogate.settings import Schedule as Schedule
    from surrogate.settings import VAETraining as VAETraining
    from surrogate.surrogate import Surrogate as Surrogate
    from surrogate.training import continue_training as continue_training
    from surrogate.training import train_regressor as train_regressor
    from surrogate.training import train_vae as train_vae
