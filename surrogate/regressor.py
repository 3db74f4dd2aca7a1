"""Multi-head regressor from latent code to anchor points: Kovacs et al. (2022), Table 2, as an ensemble.

All members of an ensemble, and all heads of a member, are layers of one network with stacked weights: one compiled
call trains or evaluates them all, at the price of one network's overhead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation import ANCHORS
from surrogate.architecture import RegressorArchitecture
from surrogate.backend import in_batches, keras
from surrogate.calibration import Calibration, code_statistics

layers, ops = keras.layers, keras.ops

LARGEST_BATCH = 4096
SMALLEST_GAP = 1e-6
"""Added to Hk90 (H_A), so that it stays above zero where softplus underflows."""

_SOFTPLUS_OF_ONE = math.log(math.e - 1)


@dataclass(frozen=True)
class TargetScaling:
    """Where the outputs of an untrained network start, from the labels that it is trained on.

    Args:
        mean, std: (6,) of the labels; errors are weighed in units of std.
        start, step: (6,) of the ordered outputs, see `AnchorOutput`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    start: tuple[float, ...]
    step: tuple[float, ...]

    @classmethod
    def of(cls, labels: np.ndarray) -> TargetScaling:
        """From (n, 6) labels, NaN where an anchor is missing; an anchor that no label has counts as 0.5 +- 0.25."""
        labels = np.asarray(labels, dtype=np.float64)
        mean, std = _mean_std(labels)
        m1 = np.clip(labels[:, 0], 1e-3, 1 - 1e-6)
        ratio = np.clip(labels[:, 1] / labels[:, 0], 1e-3, 1 - 1e-6)
        bounded_mean, bounded_std = _mean_std(np.stack([m1, ratio], axis=1))
        slope = bounded_mean * (1 - bounded_mean)  # derivative of the sigmoid there
        gaps = np.diff(labels[:, 2:], axis=1, prepend=0.0)
        gap_mean = np.maximum(_mean_std(gaps)[0], 1e-3)
        start = np.concatenate([np.log(bounded_mean / (1 - bounded_mean)), np.full(4, _SOFTPLUS_OF_ONE)])
        step = np.concatenate([bounded_std / slope, gap_mean])
        return cls(*(tuple(float(v) for v in values) for values in (mean, std, start, step)))


def _mean_std(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the finite values of each column, the latter at least 1e-4."""
    mean, std = np.full(values.shape[1], 0.5), np.full(values.shape[1], 0.25)
    for column in range(values.shape[1]):
        finite = values[np.isfinite(values[:, column]), column]
        if finite.size:
            mean[column] = finite.mean()
        if finite.size > 1:
            std[column] = max(float(finite.std()), 1e-4)
    return mean, std


class StackedDense(layers.Layer):  # type: ignore[name-defined, misc]
    """Dense layers side by side: y[s] = f(x[s] W[s] + b[s]) for every s of a stack, in one multiplication.

    Args:
        stack: shape of the stack, (members,) or (members, heads).
        units: width of each layer.
        activation: a Keras name, None for linear.
    """

    def __init__(self, stack: tuple[int, ...], units: int, activation: str | None = "elu", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stack, self.units = stack, units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        inputs = int(input_shape[-1] or 0)
        limit = math.sqrt(6.0 / (inputs + self.units))  # Glorot and Bengio (2010), of one layer and not of the stack
        glorot = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(*self.stack, inputs, self.units), initializer=glorot)
        self.bias = self.add_weight(name="bias", shape=(*self.stack, 1, self.units), initializer="zeros")

    def call(self, x: Any) -> Any:
        """(*stack or broadcast, n, inputs) to (*stack, n, units)."""
        return self.activation(ops.matmul(x, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*self.stack, input_shape[-2], self.units)


class AnchorOutput(layers.Layer):  # type: ignore[name-defined, misc]
    """From the raw outputs r (n, members, 6) of the heads to anchor points in Ms and H_A.

    Plain (the paper's standardised targets):    anchor = mean + std r
    Ordered, where the physics says so:          M1   = sigmoid(start + step r)
                                                 Mr   = M1 sigmoid(start + step r)
                                                 Hk90 = step softplus(start + r), and each next knee (80, 70, c)
                                                        the one before plus such a gap
    so that 0 < Mr <= M1 <= 1 and 0 < Hk90 <= Hk80 <= Hk70 <= Hc whatever the weights are.
    """

    def __init__(self, scaling: TargetScaling, ordered: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scaling, self.ordered = scaling, ordered

    def call(self, r: Any) -> Any:
        s = self.scaling
        if not self.ordered:
            return ops.convert_to_tensor(s.mean, "float32") + ops.convert_to_tensor(s.std, "float32") * r
        m1 = ops.sigmoid(s.start[0] + s.step[0] * r[..., 0])
        mr = m1 * ops.sigmoid(s.start[1] + s.step[1] * r[..., 1])
        anchors, field = [m1, mr], SMALLEST_GAP
        for knee in range(2, len(ANCHORS)):
            field = field + s.step[knee] * ops.softplus(s.start[knee] + r[..., knee])
            anchors.append(field)
        return ops.stack(anchors, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


SHARPNESS = 4.0
"""Of the smooth maximum over the places of a grid, log(mean(exp(SHARPNESS x))) / SHARPNESS."""


def grid_features(architecture: RegressorArchitecture, code: Any) -> Any:
    """(members, n, features) of codes that are grids: every member has its own convolutions."""
    height, width = architecture.grid or (1, 1)
    image = layers.Reshape((height, width, -1), name="grid")(code)
    features = []
    for member in range(architecture.members):
        x = image
        for level, (_, filters) in enumerate(architecture.convolutions):
            name = f"member_{member}_conv_{level}"
            x = layers.Conv2D(filters, 4, strides=2, padding="same", activation="elu", name=name)(x)
            again = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"{name}_again")(x)
            x = layers.Add(name=f"{name}_bypass")([x, again])
        places = x.shape[1] * x.shape[2]
        maximum = (ops.logsumexp(SHARPNESS * x, axis=(1, 2)) - math.log(places)) / SHARPNESS
        features.append(ops.concatenate([ops.mean(x, axis=(1, 2)), maximum], axis=-1))
    return ops.stack(features, axis=0)


class RegressorNetwork(keras.Model):  # type: ignore[name-defined, misc]
    """The ensemble as one Keras model: codes (n, latent_dim) to anchors (n, members, 6).

    The loss of a label is the squared error in units of the labels' standard deviation, mean over the anchors that
    the label has (a missing one, NaN, contributes nothing) and summed over members; `sample_weight` (n, members) says
    how much a label counts for each member.

    Args:
        architecture: sizes.
        scaling: of the targets.
        seed: of the initial weights; every member starts from its own.
        huber: errors beyond this many standard deviations count linearly (0: squared throughout, the paper's).
    """

    def __init__(
        self, architecture: RegressorArchitecture, scaling: TargetScaling, seed: int = 0, huber: float = 0.0
    ) -> None:
        keras.utils.set_random_seed(seed)
        members = (architecture.members,)
        code = keras.Input((architecture.latent_dim,), name="code")
        x = ops.expand_dims(code, 0) if architecture.grid is None else grid_features(architecture, code)
        for i, units in enumerate(architecture.shared):
            x = StackedDense(members, units, name=f"shared_{i}")(x)
        x = ops.expand_dims(x, 1)
        heads = (*members, len(ANCHORS))
        for i, units in enumerate(architecture.head):
            x = StackedDense(heads, units, name=f"head_{i}")(x)
        x = StackedDense(heads, 1, None, name="target")(x)  # (members, 6, n, 1)
        x = ops.transpose(ops.squeeze(x, -1), (2, 0, 1))
        super().__init__(code, AnchorOutput(scaling, architecture.ordered, name="anchors")(x), name="regressor")
        self.members, self.scaling, self.huber = architecture.members, scaling, huber

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Masked loss of labels y (n, 6); see the class."""
        present = ops.isfinite(y)
        target = ops.where(present, y, ops.zeros_like(y))[:, None, :]
        error = (y_pred - target) / ops.convert_to_tensor(self.scaling.std, "float32")
        error = ops.where(present[:, None, :], error, 0.0)
        cost = ops.square(error)
        if self.huber:
            size = ops.abs(error)
            cost = ops.where(size <= self.huber, cost, self.huber * (2.0 * size - self.huber))
        cost = ops.mean(cost, axis=-1)
        if sample_weight is not None:
            cost = cost * sample_weight
        return ops.mean(ops.sum(cost, axis=1))


class Regressor:
    """A trained ensemble: numbers in, numbers out.

    Args:
        network: the ensemble.
        architecture, scaling: what it was built from.
        residual_std: (6,) what the members have in common of their error, from held-out labels; 0 if there were none.
        calibration: of the standard deviation, from cross-validation; takes the place of `residual_std`.
    """

    def __init__(
        self,
        network: RegressorNetwork,
        architecture: RegressorArchitecture,
        scaling: TargetScaling,
        residual_std: np.ndarray | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.calibration = calibration
        self.network, self.architecture, self.scaling = network, architecture, scaling
        self.residual_std = np.zeros(len(ANCHORS)) if residual_std is None else np.asarray(residual_std, np.float64)
        network.compile(optimizer=None, jit_compile=False)  # drops what training left: optimiser and fused steps

    def __repr__(self) -> str:
        sort = "not calibrated" if self.calibration is None else "calibrated"
        return f"<Regressor: code of {self.architecture.latent_dim}, {self.architecture.members} members, {sort}>"

    def members(self, latent: np.ndarray) -> np.ndarray:
        """Anchors predicted by every member: (n, members, 6) for codes (n, latent_dim)."""
        return in_batches(self.network.predict_on_batch, latent, LARGEST_BATCH)[0]

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the members and standard deviation, each (n, 6) float64.

        The standard deviation is what the `calibration` makes of that between the members; without one its variance is
        that between the members plus `residual_std` squared: what they disagree about, and what they are all wrong
        about. With no labels held out it is the former alone, which is too small.
        """
        mean, spread = self.mean_and_spread(latent)
        if self.calibration is not None:
            statistics = code_statistics(latent, self.architecture.grid)
            return mean, self.calibration.standard_deviation(mean, spread, statistics)
        return mean, np.sqrt(spread**2 + self.residual_std**2)

    def mean_and_spread(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the members and the bare standard deviation between them, each (n, 6) float64."""
        members = self.members(latent).astype(np.float64)
        spread = members.std(axis=1, ddof=1) if members.shape[1] > 1 else np.zeros_like(members[:, 0])
        return members.mean(axis=1), spread
