"""The surrogate: what a search asks instead of the simulation. Structures to codes, codes to anchors and axes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simulation import ANCHORS, InputError, Microstructure
from surrogate import card as cards
from surrogate.architecture import RegressorArchitecture
from surrogate.autoencoder import Autoencoder
from surrogate.axes import steer_axes
from surrogate.calibration import STATISTICS, Calibration
from surrogate.novelty import NOVELTY, Novelty, describe, widened
from surrogate.regressor import Regressor, RegressorNetwork, TargetScaling

_AUTOENCODER = "autoencoder"
_REGRESSOR_WEIGHTS = "regressor.weights.h5"


@dataclass(frozen=True, repr=False)
class Surrogate:
    """A trained autoencoder and the ensemble of regressors on its code.

    Args:
        autoencoder: structures to codes and back.
        regressor: codes to anchor points.
        about: what it was trained on, JSON-able: material, family of structures, field sweep, errors.
        known: what the novelty of a structure is told by; None if that cannot be told.
    """

    autoencoder: Autoencoder
    regressor: Regressor
    about: dict[str, Any] = field(default_factory=dict)
    known: Novelty | None = None

    def __repr__(self) -> str:
        encoding, members = self.autoencoder.encoding, self.regressor.architecture.members
        ny, nx = encoding.shape
        name, labels = self.about.get("name"), self.about.get("training_labels")
        return (
            f"<Surrogate{f' {name}' if name else ''}: structures of {ny} x {nx} cells of {encoding.cell_nm:g} nm, "
            f"code of {self.latent_dim}, {members} regressor{'' if members == 1 else 's'}"
            f"{f', {labels} labels' if labels else ''}>"
        )

    @property
    def latent_dim(self) -> int:
        """Length of the latent code."""
        return self.autoencoder.latent_dim

    def encode(self, microstructures: Iterable[Microstructure]) -> np.ndarray:
        """Mean codes (n, latent_dim) float32.

        Raises:
            InputError: if a structure is not on this surrogate's grid.
        """
        return self.autoencoder.encode(microstructures)

    def predict(self, latent: np.ndarray | Microstructure | Iterable[Microstructure]) -> tuple[np.ndarray, np.ndarray]:
        """Anchor points of codes (n, latent_dim) and their standard deviation, each (n, 6) in Ms and H_A.

        Of structures instead of codes, one or several, the standard deviation is wider where they are unlike what the
        surrogate was trained on, see `novelty`.

        Raises:
            InputError: if these are neither, or a structure is not on this surrogate's grid.
        """
        if isinstance(latent, Microstructure):
            latent = [latent]
        if not isinstance(latent, np.ndarray) and isinstance(latent, Iterable):
            latent = list(latent)
            if latent and all(isinstance(one, Microstructure) for one in latent):
                return self._predict_structures(latent)
        try:
            latent = np.asarray(latent, np.float32)
        except (TypeError, ValueError):
            raise InputError(f"predict takes structures, or codes of shape (n, {self.latent_dim})") from None
        if latent.ndim != 2 or latent.shape[1] != self.latent_dim:
            raise InputError(f"latent codes must have shape (n, {self.latent_dim}), got {latent.shape}")
        mean, std = self.regressor.predict(latent)
        if not (np.isfinite(mean).all() and (std >= 0).all()):
            raise InputError("the surrogate predicts what is no number: its weights or the codes are damaged")
        return mean, std

    def _predict_structures(self, structures: Sequence[Microstructure]) -> tuple[np.ndarray, np.ndarray]:
        mean, std = self.predict(self.encode(structures))
        return mean, std if self.known is None else widened(std, self.novelty(structures), self.label_std)

    def novelty(self, microstructures: Microstructure | Iterable[Microstructure]) -> np.ndarray:
        """(n,) how unlike structures are all that the surrogate was trained on, see `surrogate.novelty`.

        99 in 100 structures of its own family are below 1. Above, a prediction is no more than a guess, and by how much
        it may be off grows with the novelty. NaN where it cannot be told: of a surrogate trained on fewer than 40
        structures, or before there was this measure.

        Raises:
            InputError: if a structure is not on this surrogate's grid.
        """
        several = [microstructures] if isinstance(microstructures, Microstructure) else list(microstructures)
        if self.known is None or not several:
            return np.full(len(several), np.nan)
        return self.known.score(describe(self.autoencoder, self.regressor.architecture.grid, several))

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Axis angles (n, ny, nx) of codes, radians in (-pi/2, pi/2], on the grid of the structures."""
        return self.autoencoder.decode(latent)

    def draw(self, latent: np.ndarray) -> list[Microstructure]:
        """Structures of sharp grains, one for each of the codes (n, latent_dim), on the grid of the structures.

        Raises:
            InputError: if the codes are not such an array of finite numbers.
        """
        return self.autoencoder.draw(latent)

    def decode_field(self, latent: np.ndarray) -> np.ndarray:
        """Smooth double-angle field r (sin 2a, cos 2a), (n, ny, nx, 2): what grains are made from."""
        return self.autoencoder.decode_field(latent)

    def decode_boundary(self, latent: np.ndarray) -> np.ndarray:
        """(n, 2) thickness in nm and polarisation in T of what lies between the grains of codes, as decoded."""
        return self.autoencoder.decode_boundary(latent)

    def encode_field(self, field: np.ndarray) -> np.ndarray:
        """Mean codes (n, latent_dim) of double-angle fields (n, ny, nx, 2)."""
        return self.autoencoder.encode_field(field)

    def steer_axes(
        self, microstructures: Sequence[Microstructure], wanted: np.ndarray, scale: np.ndarray
    ) -> list[Microstructure]:
        """The same grains with their axes turned, as little as possible, until wanted anchors (n, 6) are predicted.

        NaN where any value will do; `scale` (n, 6) says which misses count the same.
        """
        return steer_axes(microstructures, wanted, scale, self.autoencoder, self.regressor)

    @property
    def label_std(self) -> np.ndarray:
        """(6,) standard deviation of each anchor over the labels that it was trained on."""
        return np.asarray(self.regressor.scaling.std)

    def reencode(self, latent: np.ndarray) -> np.ndarray:
        """Codes of the decoded codes: a point on the data stays where it is, a far one moves (n, latent_dim)."""
        return self.autoencoder.encode_images(self.autoencoder.decode_images(latent))

    def predict_again(self, latent: np.ndarray) -> np.ndarray:
        """Anchor points (n, 6) predicted of the decoded and encoded codes, see `reencode`."""
        return self.predict(self.reencode(latent))[0]

    def save(self, folder: str | Path, autoencoder: str | Path | None = None) -> None:
        """Write weights and card; the card comes last, so that a killed save leaves nothing that loads.

        Args:
            folder: made if missing.
            autoencoder: folder where the autoencoder has been saved already; then the card points there, by a
                relative path, instead of a second copy in `folder`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / cards.CARD).unlink(missing_ok=True)
        if autoencoder is None:
            autoencoder = folder / _AUTOENCODER
            self.autoencoder.save(autoencoder)
        checksum = cards.save_weights(self.regressor.network, folder / _REGRESSOR_WEIGHTS)
        card = cards.SurrogateCard(
            architecture=self.regressor.architecture,
            scaling={name: list(values) for name, values in asdict(self.regressor.scaling).items()},
            residual_std=[float(v) for v in self.regressor.residual_std],
            autoencoder=Path(os.path.relpath(autoencoder, folder)).as_posix(),
            files={_REGRESSOR_WEIGHTS: checksum},
            about=self.about,
            calibration=_plain(self.regressor.calibration),
        )
        (folder / NOVELTY).unlink(missing_ok=True)
        if self.known is not None:
            self.known.save(folder, checksum)
        cards.write_card(card, folder)

    @classmethod
    def load(cls, name_or_folder: str | Path) -> Surrogate:
        """Load a shipped surrogate by name, a saved one by its folder, or the latest of a run.

        Nothing in the files is executed: JSON, and arrays in HDF5 checked against the card.

        Raises:
            InputError: if there is none, or its files are of another version, incomplete or damaged.
        """
        folder = cards.find_surrogate(name_or_folder)
        card = cards.read_card(folder)
        scaling = _scaling(card, folder)
        autoencoder = Autoencoder.load(folder / card.autoencoder)
        if card.architecture.latent_dim != autoencoder.latent_dim:
            raise InputError(f"{folder}: regressor and autoencoder do not belong together (length of the code differs)")
        regressor = _load_regressor(folder, card.architecture, scaling, card)
        grid, width = card.architecture.grid, autoencoder.latent_dim
        size = 1 + (width if grid is None else STATISTICS * width // math.prod(grid))
        known = Novelty.load(folder, card.files[_REGRESSOR_WEIGHTS], size)
        return cls(autoencoder, regressor, card.about, known)


def _scaling(card: cards.SurrogateCard, folder: Path) -> TargetScaling:
    try:
        values = {name: tuple(float(v) for v in column) for name, column in card.scaling.items()}
        numbers = np.array([*values.values(), [float(v) for v in card.residual_std]])
        if numbers.shape != (5, len(ANCHORS)) or not np.isfinite(numbers).all():
            raise ValueError("six finite numbers each are needed")
        if min(values["std"]) <= 0 or (numbers[-1] < 0).any():
            raise ValueError("a standard deviation that is not positive, or a negative residual")
        return TargetScaling(**values)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / cards.CARD}: scaling or residual_std is broken: {error}") from None


def _load_regressor(
    folder: Path, architecture: RegressorArchitecture, scaling: TargetScaling, card: cards.SurrogateCard
) -> Regressor:
    cards.check_files(folder, card.files, (_REGRESSOR_WEIGHTS,))
    network = RegressorNetwork(architecture, scaling)
    cards.load_weights(network, folder / _REGRESSOR_WEIGHTS)
    return Regressor(network, architecture, scaling, np.asarray(card.residual_std), _calibration(card, folder))


def _plain(calibration: Calibration | None) -> dict[str, list[Any]]:
    return {} if calibration is None else {name: value.tolist() for name, value in vars(calibration).items()}


def _calibration(card: cards.SurrogateCard, folder: Path) -> Calibration | None:
    if not card.calibration:
        return None
    try:
        arrays = {name: np.array(values, np.float64) for name, values in card.calibration.items()}
        calibration = Calibration(**arrays)
        n, grid = len(ANCHORS), card.architecture.grid
        k = len(calibration.mean) - n  # none in those that were fitted without statistics of the code
        if k and (grid is None or k != STATISTICS * card.architecture.latent_dim // math.prod(grid)):
            raise ValueError("not the statistics of this code")
        shapes = [(n + k,), (n + k,), (n, 3 + 2 * (n + k)), (2, n)]
        if [a.shape for a in vars(calibration).values()] != shapes or not all(
            np.isfinite(a).all() for a in arrays.values()
        ):
            raise ValueError("arrays of other shapes, or not finite")
        if (calibration.std <= 0).any() or (np.diff(calibration.quantiles, axis=0, prepend=0.0) < 0).any():
            raise ValueError("a standard deviation that is not positive, or intervals that shrink")
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / cards.CARD}: calibration is broken: {error}") from None
    return calibration
