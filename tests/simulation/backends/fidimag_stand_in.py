"""A small stand-in for fidimag that honours its documented calls, faults included, for tests without the solver.

It computes the planar problem of an infinite prism in double precision with dense matrices, and is picky about what
an adapter could get wrong: the order of calls, units, and the length of the step, which it never changes itself.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from simulation.demag_tensor import prism_tensor

MU0 = 4e-7 * np.pi


def per_cell(value: float | np.ndarray) -> np.ndarray:
    """A number, or one for each cell as a column: what fidimag takes for Ms and Ku."""
    return np.asarray(value, float).reshape(-1, 1) if np.ndim(value) else np.asarray(value, float)


class CuboidMesh:
    def __init__(self, nx: int, ny: int, nz: int, dx: float, dy: float, dz: float, **rest: Any) -> None:
        self.nx, self.ny, self.n = nx, ny, nx * ny * nz
        self.dx_m, self.dz_m = dx * rest["unit_length"], dz * rest["unit_length"]
        assert nz == 1
        assert dx == dy
        assert rest["periodicity"] == (False, False, False)


class UniaxialAnisotropy:
    def __init__(self, Ku: float | np.ndarray, axis: np.ndarray) -> None:
        self.Ku, self.axis = per_cell(Ku), np.asarray(axis).reshape(-1, 3)

    def field(self, sim: Sim, m: np.ndarray) -> np.ndarray:
        return 2 * self.Ku / (MU0 * sim.Ms_or_1) * (m * self.axis).sum(axis=1, keepdims=True) * self.axis


class UniformExchange:
    def __init__(self, A: float) -> None:
        self.A = A

    def field(self, sim: Sim, m: np.ndarray) -> np.ndarray:
        grid = m.reshape(sim.mesh.ny, sim.mesh.nx, 3)
        around = np.zeros_like(grid)
        for axis in (0, 1):
            low, high = np.delete(grid, -1, axis), np.delete(grid, 0, axis)
            both = low.any(axis=-1, keepdims=True) & high.any(axis=-1, keepdims=True)
            step = (high - low) * both  # none with a cell that has no spin
            ahead, behind = [(0, 0)] * 3, [(0, 0)] * 3
            ahead[axis], behind[axis] = (0, 1), (1, 0)
            around += np.pad(step, ahead) - np.pad(step, behind)
        return 2 * self.A / (MU0 * sim.Ms_or_1 * sim.mesh.dx_m**2) * around.reshape(-1, 3)


class Demag:
    def field(self, sim: Sim, m: np.ndarray) -> np.ndarray:
        if not hasattr(self, "tensor"):
            n_xx, n_yy, n_xy = prism_tensor(sim.mesh.ny, sim.mesh.nx)
            iy, ix = np.divmod(np.arange(sim.mesh.n), sim.mesh.nx)
            dy, dx = iy[:, None] - iy[None], ix[:, None] - ix[None]
            away = np.abs(dy), np.abs(dx)
            self.tensor = n_xx[away], n_yy[away], n_xy[away] * np.sign(dy) * np.sign(dx)
        n_xx, n_yy, n_xy = self.tensor
        h, m = np.zeros_like(m), sim.Ms * m
        h[:, 0] = -(n_xx @ m[:, 0] + n_xy @ m[:, 1])
        h[:, 1] = -(n_xy @ m[:, 0] + n_yy @ m[:, 1])
        return h


class Zeeman:
    def __init__(self, H0: tuple[float, float, float]) -> None:
        self.H0 = np.asarray(H0, dtype=float)

    def update_field(self, H0: tuple[float, float, float]) -> None:
        self.H0 = np.asarray(H0, dtype=float)

    def field(self, sim: Sim, m: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.H0, m.shape)


class SteepestDescent:
    """Flat arrays; `run_step_CLIB` steps by `tau` (1/T) and leaves it as it was, as version 3.0 does."""

    def __init__(self, sim: Sim) -> None:
        self.sim, self.scale, self.tau, self.step = sim, MU0, 1e-4, 0
        size = 3 * sim.mesh.n
        self.spin_last, self.mxH, self.mxmxH, self.mxmxH_last = (np.zeros(size) for _ in range(4))

    def run_step_CLIB(self) -> None:
        self.sim.taus.append(self.tau)
        self.spin_last[:], self.mxmxH_last[:] = self.sim.spin, self.mxmxH
        squared = self.tau**2 * np.square(self.mxH.reshape(-1, 3)).sum(axis=1, keepdims=True)
        m = self.sim.spin.reshape(-1, 3)
        m[:] = ((4 - squared) * m - 4 * self.tau * self.mxmxH.reshape(-1, 3)) / (4 + squared)
        m /= np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-30)
        self.sim.compute_effective_field()
        self.mxH[:] = np.cross(m, self.scale * self.sim.field.reshape(-1, 3)).reshape(-1)
        self.mxmxH[:] = np.cross(m, self.mxH.reshape(-1, 3)).reshape(-1)


class Sim:
    created: list[Sim]

    def __init__(self, mesh: CuboidMesh, name: str, driver: str) -> None:
        assert driver == "steepest_descent"
        self.mesh, self.name, self.Ms = mesh, name, np.zeros(())
        self.spin, self.field = np.zeros(3 * mesh.n), np.zeros(3 * mesh.n)
        self.terms: list[Any] = []
        self.taus: list[float] = []
        self.evaluations = 0
        self.driver = SteepestDescent(self)
        Sim.created.append(self)

    def set_Ms(self, value: float | np.ndarray) -> None:
        self.Ms = per_cell(value)
        self.Ms_or_1 = np.where(self.Ms > 0, self.Ms, 1.0)

    def add(self, term: Any) -> None:
        self.terms.append(term)

    def set_m(self, m0: tuple[float, float, float]) -> None:
        self.spin.reshape(-1, 3)[:] = np.asarray(m0) * (self.Ms > 0)

    def compute_effective_field(self) -> None:
        self.evaluations += 1
        m = self.spin.reshape(-1, 3)
        self.field[:] = sum(term.field(self, m) for term in self.terms).reshape(-1)


def make() -> tuple[dict[str, ModuleType], list[Sim]]:
    """Modules by name as `sys.modules` has them, and the list that the simulations they make go into."""
    Sim.created = []
    parts = {"micro": (Sim, UniaxialAnisotropy, UniformExchange, Demag, Zeeman), "common": (CuboidMesh,)}
    package = ModuleType("fidimag")
    package.__dict__.update(__version__="stand-in", __path__=[])
    modules = {"fidimag": package}
    for name, classes in parts.items():
        module = ModuleType(f"fidimag.{name}")
        module.__dict__.update(vars(SimpleNamespace(**{c.__name__: c for c in classes})))
        modules[f"fidimag.{name}"] = module
        setattr(package, name, module)
    return modules, Sim.created
