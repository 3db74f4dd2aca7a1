"""What a curve will be when some axes are turned, told without any network from the parent's, which was simulated, and
from the statistics of the axes (`axis_statistics`).

With w_i the share of the area of grain i, a_i its axis from the field, d_i by how much it was turned,

    D = sum_i w_i (|cos(a_i + d_i)| - |cos a_i|)          by how much Mr changes if each grain stays where it is
    u = sum_i w_i sin^2 d_i                               how much is another magnet than before

As near what a surrogate is corrected by (`error_model`), an anchor point either stays what it is but for a little, with
the probability p, or another avalanche decides it:

    y_parent + SLOPE D + DRIFT sqrt(u / UNIT) N(0, 1),                                p = 1 / (1 + sqrt(u / HALF)),
    f_child + r (y_parent - f_parent) + sqrt(s^2 + (1 - r^2) s_0^2) N(0, 1) else,     r = exp(-u / FORGOTTEN),

where f and s are mean and standard deviation by the axes' statistics of the structures near the goals and s_0 is what
these do not say. M1 and Mr are told by D as long as nothing switches before them: with the share exp(-Hk90 / BEFORE) of
the parent they go as the others. The constants are read off children that were simulated (`python -m
studies.benchmarks.climb`). Where a phase lies between the grains, shares of the area count with the Js of their cells
over that of the main phase.
"""

from __future__ import annotations

import numpy as np

from inverse_design.candidates.axis_statistics import AxisModel, axis_statistics
from inverse_design.candidates.error_model import Posterior
from inverse_design.properties import Column
from simulation.anchors import ANCHORS
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure

SLOPE = np.array([0.1, 1.0, 0.0, 0.0, 0.0, 0.0])
DRIFT = np.array([0.0002, 0.0008, 0.003, 0.004, 0.004, 0.004])
CHANGE = np.array([0.0006, 0.004])
"""Of M1, Mr, Hk90, Hk80, Hk70 and Hc, see above; standard deviation of M1 and Mr where they do not stay, though nothing
switches before them."""

UNIT, HALF, FORGOTTEN, BEFORE = 0.003, 0.001, 0.04, 0.08
"""Of u, u, u and H_A, see above."""


def posterior_of_turned(
    model: AxisModel,
    parent: Microstructure,
    anchors: np.ndarray,
    angle_rad: np.ndarray,
    material: Material = Nd2Fe14B,
    spread: np.ndarray | None = None,
) -> Posterior:
    """The posterior of the anchor points (n, 6) of a parent's grains with other axes (n, grains), from the parent's own
    (6,).

    Args:
        material: of the main phase.
        spread: (6,) standard deviation of the parent's own, where these are told.
    """
    change, apart = (each[:, None] for each in changes(parent, angle_rad, material))
    persists = np.broadcast_to(1 / (1 + np.sqrt(apart / HALF)), (len(change), len(ANCHORS)))
    persist_mean = anchors + SLOPE * change
    drift = DRIFT * np.sqrt(np.maximum(apart, 1e-2 * UNIT) / UNIT)
    mean, std = model.predict(axis_statistics(parent, np.vstack([parent.grain_angle_rad, angle_rad])))
    kept = np.exp(-apart / FORGOTTEN)
    change_mean = mean[1:] + kept * (anchors - mean[0])
    change_std = np.sqrt(std[1:] ** 2 + (1 - kept**2) * model.unsaid**2) + drift
    before = np.exp(-max(float(anchors[Column.Hk90]), 0.0) / BEFORE)
    change_mean[:, :2] = before * change_mean[:, :2] + (1 - before) * persist_mean[:, :2]
    change_std[:, :2] = np.hypot(before * change_std[:, :2], CHANGE)
    if spread is not None:
        change_std, drift = np.hypot(change_std, spread), np.hypot(drift, spread)
    return Posterior(change_mean, change_std, persist_mean, drift, persists)


def changes(
    parent: Microstructure, angle_rad: np.ndarray, material: Material = Nd2Fe14B
) -> tuple[np.ndarray, np.ndarray]:
    """D and u (n,) of a parent's grains with other axes (n, grains), see above."""
    before = parent.grain_angle_rad
    strength = (parent.polarization_T(material) / material.Js_T).ravel() if parent.phases else None
    area = np.bincount(parent.grain_id.ravel(), strength, minlength=before.size) / parent.grain_id.size
    change = (np.abs(np.cos(angle_rad)) - np.abs(np.cos(before))) @ area
    return change, np.sin(angle_rad - before) ** 2 @ area
