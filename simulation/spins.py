"""A field sweep: in the plane, or in the plane only as long as that is stable.

Where the out-of-plane Hessian of a planar state has no negative eigenvalue, small tilts decay and the state is one of
free spins too (see `stability`). So free spins follow the planar descent, whose states are looked at after each step of
the gradient flow in an avalanche, where the path counts, and at its end. Where the plane is unstable, the vectors are
tilted a little, and along the unstable mode, and go on with three components. At each further field they are tilted a
little again. Once all of them have come back into the plane and the planar state there is stable, the planar descent
goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulation.energy.free import FreeEnergy
from simulation.errors import InputError
from simulation.minimize import Descent, FieldStatus, flow_step, minimize, quasi_newton_step
from simulation.stability import Stability

PERTURBATION_RAD = 3e-3
FLAT = 0.03
"""Largest m_z of a state that may be planar."""
MODE_TILT_RAD = 0.1
"""Largest tilt along an unstable mode: enough for a torque above the tolerance, little enough to be its own."""
MOST_PUSHES = 3


@dataclass
class PlanarSpins:
    """A sweep in the plane.

    Args:
        planar: the descent.
        stability: of planar states.
        plane_unstable_h: first field at which the planar state was unstable against leaving the plane.
    """

    planar: Descent
    stability: Stability
    plane_unstable_h: float = math.nan

    @property
    def evaluations(self) -> int:
        """Long-range evaluations so far."""
        return self.planar.energy.evaluations

    @property
    def magnetization(self) -> float:
        """Mean m_y, Ms."""
        return self.planar.energy.magnetization()

    def cell_angle(self) -> np.ndarray:
        """(ny, nx) angle of each cell's magnetisation from +y."""
        return self.planar.energy.cell_angle(self.planar.angle)

    def cell_vectors(self) -> np.ndarray:
        """(ny, nx, 3) direction of each cell's magnetisation."""
        phi = self.cell_angle()
        return np.stack([np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=-1)

    def relax(self, h: float, tolerance: float, max_evaluations: int) -> FieldStatus:
        """Go to a field and relax there."""
        self.planar.change_field(h)
        status = minimize(self.planar, tolerance, max_evaluations)
        if math.isnan(self.plane_unstable_h) and not self._stable():
            self.plane_unstable_h = h
        return self._resolved(self.planar, status)

    def _stable(self) -> bool:
        return self.stability.stable(self.planar.angle, self.planar.energy.field, self.planar.h)

    @staticmethod
    def _resolved(descent: Descent, status: FieldStatus) -> FieldStatus:
        unresolved = status is FieldStatus.CONVERGED and not descent.energy.resolved(descent.angle)
        return FieldStatus.UNRESOLVED if unresolved else status


@dataclass
class FreeSpins(PlanarSpins):
    """A sweep that may leave the plane.

    Args:
        energy: of vectors.
        perturbation_rad: by which vectors are tilted at each field.
        rng: what draws normal tilts of such a standard deviation; if None, all are tilted towards +z alike.
        free: the descent of vectors.
        out: whether the plane is left.
    """

    energy: FreeEnergy = None  # type: ignore[assignment]
    perturbation_rad: float = PERTURBATION_RAD
    rng: np.random.Generator | None = None
    free: Descent | None = None
    out: bool = False

    @property
    def evaluations(self) -> int:
        return self.planar.energy.evaluations + self.energy.evaluations

    @property
    def magnetization(self) -> float:
        return (self.energy if self.out else self.planar.energy).magnetization()

    def cell_angle(self) -> np.ndarray:
        return self.energy.cell_angle(self.planar.angle) if self.out else super().cell_angle()

    def cell_vectors(self) -> np.ndarray:
        return self.energy.cell_vectors() if self.out else super().cell_vectors()

    def relax(self, h: float, tolerance: float, max_evaluations: int) -> FieldStatus:
        last = self.evaluations + max_evaluations
        if not self.out:
            self.planar.change_field(h)
            in_plane = self._follow_plane(tolerance, last)
            if in_plane is not None:
                return self._resolved(self.planar, in_plane)
            if math.isnan(self.plane_unstable_h):
                self.plane_unstable_h = h
            self._leave(h)
        else:
            self._tilt(self._small_tilt(), h)
        assert self.free is not None  # noqa: S101 - of those that left the plane, and they have
        for push in range(MOST_PUSHES):
            if push:  # flat, but no minimum
                self._push(h)
            status = minimize(self.free, tolerance, max(last - self.evaluations, 0))
            if status is not FieldStatus.CONVERGED or self.energy.largest_tilt > FLAT:
                break
            angle = planar_angle(self.energy.vectors)
            if angle is None:
                break
            if self._return(angle, h, tolerance, last):
                return self._resolved(self.planar, status)
        return self._resolved(self.free, status)

    def _follow_plane(self, tolerance: float, last: int) -> FieldStatus | None:
        """`minimize` in the plane; None as soon as the plane is unstable."""
        descent, energy = self.planar, self.planar.energy
        while (largest := energy.largest_torque(descent.gradient)) >= tolerance:
            if self.evaluations >= last:
                return FieldStatus.OUT_OF_EVALUATIONS
            if largest > energy.avalanche:
                flow_step(descent)
                if not self._stable():
                    return None
            elif not quasi_newton_step(descent):
                return FieldStatus.STALLED
        if math.isnan(largest):
            raise FloatingPointError("the angle gradient is not a number")
        return FieldStatus.CONVERGED if self._stable() else None

    def _leave(self, h: float) -> None:
        """Take the planar state as vectors and push it out of the plane."""
        phi = self.planar.angle[1:-1, 1:-1]
        self.energy.start(np.stack([np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=-1))
        self.out = True
        self._push(h)

    def _push(self, h: float) -> None:
        """Tilt a little, and along the lowest mode of the planar state to the side where that leads."""
        mode = self.stability.mode(self.planar.angle, self.planar.energy.field)[1:-1, 1:-1]
        small = self._small_tilt()
        self._tilt(small + math.copysign(MODE_TILT_RAD, float((mode * small).sum())) * mode, h)

    def _small_tilt(self) -> np.ndarray:
        if self.rng is None:  # as fidimag's out-of-plane start does it, and the same for mirror images
            return np.full(self.energy.area.shape, self.perturbation_rad)
        return self.perturbation_rad * self.rng.normal(size=self.energy.area.shape)

    def _tilt(self, tilt_rad: np.ndarray, h: float) -> None:
        coordinates = self.energy.perturb(tilt_rad)
        if self.free is None:
            self.free = Descent(self.energy, coordinates, h)
        else:
            self.free.restart(coordinates, h)

    def _return(self, angle: np.ndarray, h: float, tolerance: float, last: int) -> bool:
        """Go on in the plane if the planar state at these angles is stable."""
        self.planar.restart(np.pad(angle, 1), h)
        if self._follow_plane(tolerance, last) is not FieldStatus.CONVERGED:
            return False
        self.out = False
        return True


def planar_angle(m: np.ndarray) -> np.ndarray | None:
    """Angles of vectors (..., 3) in the plane without jumps between neighbours; None if there are none."""
    angle = np.arctan2(m[..., 0], m[..., 1])
    angle[:, 0] = np.unwrap(angle[:, 0])
    angle = np.unwrap(angle, axis=1)
    return angle if all(np.abs(np.diff(angle, axis=axis)).max(initial=0.0) < np.pi for axis in (0, 1)) else None


def check_seed(seed: int | None) -> None:
    """Raise InputError if tilts cannot be drawn from this."""
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise InputError(f"seed must be None or a whole number of at least 0, got {seed!r}")
