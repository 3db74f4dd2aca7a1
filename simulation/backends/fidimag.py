"""fidimag as a second opinion: the finite-difference solver that the paper labelled its data with.

fidimag (Bisotti et al., J. Open Research Software 6, 22, 2018) is optional and found at run time; its users build it
from source. The problem is the paper's: cells of dx x dx x 36 um, a full three-dimensional spin in each, energies in
SI units, started along +y.

Its own loop `driver.minimise` is not called, because it does not converge (read off and run with version 3.0):

- The C routine that computes the next step length receives `tau` by value and returns nothing, so every step is taken
  with the first length.
- Its stop rule is the largest change of a spin in one step, which shrinks with `tau`: with a short first length it
  ends at once (0.7 T of torque were left in one test), and reports a failure on standard error only.
- The NumPy twin `run_step` does change `tau`, but signed and without bounds: two runs of one loop gave Hc = 0.263 and
  0.225 H_A.

So the steps here are fidimag's (`run_step_CLIB`: its update of the spins, its effective field), and what is set before
each of them is `driver.tau`: the length of Barzilai and Borwein, both forms in turn (Exl et al., J. Appl. Phys. 115,
17D118, 2014, eq. 10), as an absolute value within bounds. A field has converged when the largest torque |m x H| is
below the tolerance and the last step moved no spin by more than `LARGEST_MOVE`. With a tolerance ten times tighter 18
of 20 random structures of 80 nm kept every anchor point to 0.002; in the other two an avalanche ended in another
minimum (0.008 at most), and with one a hundred times tighter all 20 had the anchors of the default again.

Started from +y with easy axes in the plane, the spins stay exactly in the plane: the model of the planar solver. Spins
in three dimensions may leave the plane when they switch, if something pushes them; `out_of_plane_rad` is that push. Of
five structures of 80 and 160 nm a push of 0.01 left Hc of three as it was, and lowered two: 0.284 to 0.246 H_A, and
0.403 to 0.334 (0.354 with a push of 0.0001). A tilt that grows slowly has a torque below the default tolerance: with a
push, use one of 1.5e-5, by which fidimag and our free spins by cells have the same curves (`python -m
studies.benchmarks.out_of_plane`).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.hysteresis import DemagnetizationCurve, FieldSweep, kept_indices
from simulation.material import MU0_T_M_PER_A, Material
from simulation.microstructure import Microstructure
from simulation.minimize import FieldStatus
from simulation.spins import check_seed

ADAPTER_VERSION = 1
"""Raised by hand whenever the way fidimag is driven changes the results: part of a label's key."""

TOLERANCE = 1.5e-4
MAX_EVALUATIONS = 50_000
LENGTH_NM = 36_000.0
LARGEST_MOVE = 1e-2

# Step lengths in units of 1 / (mu0 H_A): the same for every material with the same reduced constants.
# For Nd2Fe14B they are 0.02, 1e-6 and 1 per tesla, and the tolerance is 1 mT.
FIRST_STEP, SHORTEST_STEP, LONGEST_STEP = 0.13, 6.5e-6, 6.5

BUILD_GUIDE = "https://fidimag.readthedocs.io/en/latest/install.html"


def settings(
    discretization: str = "cells",
    tolerance: float = TOLERANCE,
    length_nm: float = LENGTH_NM,
    out_of_plane_rad: float = 0.0,
    seed: int | None = None,
) -> tuple[tuple[str, str | int | float], ...]:
    """What besides structure, material and sweep decides a curve: hashable, for keys of labels.

    Raises:
        InputError: if fidimag is not installed, as its version is one of them.
    """
    return (
        ("backend", "fidimag"),
        ("version", ADAPTER_VERSION),
        ("fidimag", str(getattr(load_fidimag(), "__version__", "unknown"))),
        ("discretization", discretization),
        ("tolerance", float(tolerance)),
        ("length_nm", float(length_nm)),
        ("out_of_plane_rad", float(out_of_plane_rad)),
        *(() if seed is None else (("seed", int(seed)),)),
    )


def simulate(
    microstructure: Microstructure,
    material: Material,
    sweep: FieldSweep,
    discretization: str = "cells",
    keep: str | Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
    max_evaluations: int = MAX_EVALUATIONS,
    length_nm: float = LENGTH_NM,
    out_of_plane_rad: float = 0.0,
    seed: int | None = None,
) -> DemagnetizationCurve:
    """See `simulation.demagnetization_curve`.

    Args:
        tolerance: largest torque |m x H| of a converged state, in units of H_A; for planar states the same measure as
            the planar solver's angle gradient in units of 2 K1.
        max_evaluations: of the effective field at one field of the sweep.
        length_nm: of the prism, out of the plane; its edges differ from the infinite prism's by 2.5e-3 Ms.
        out_of_plane_rad: each spin is turned out of the plane by this angle before it relaxes at each field. A planar
            state that is stable in three dimensions forgets the push; one that is not leaves the plane.
        seed: if given, these angles are drawn at random, with that standard deviation; if not, all are towards +z.

    Raises:
        InputError: if fidimag is not installed or an argument is out of range.
    """
    if discretization != "cells":
        raise InputError(f"backend fidimag: discretization must be cells, got {discretization!r}")
    for name, value in (("tolerance", tolerance), ("length_nm", length_nm)):
        if not 0 < value < math.inf:
            raise InputError(f"{name} must be a positive finite number, got {value!r}")
    if max_evaluations < 1:
        raise InputError(f"max_evaluations must be at least 1, got {max_evaluations!r}")
    if not 0 <= out_of_plane_rad < math.pi / 2:
        raise InputError(f"out_of_plane_rad must lie in [0, pi/2), got {out_of_plane_rad!r}")
    check_seed(seed)
    rng = None if seed is None else np.random.default_rng(seed)
    check_phases(microstructure, material)
    strength = microstructure.polarization_T(material) / material.Js_T
    fields, wanted = sweep.h, set(kept_indices(sweep, keep).tolist())
    m, status, kept, counts = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="fidimag-") as scratch:  # the name of a simulation is a path it may write
        sim, zeeman = make_simulation(microstructure, material, length_nm, str(Path(scratch) / "loop"))
        for i, h in enumerate(fields):
            zeeman.update_field((0.0, float(h) * material.H_A_A_per_m, 0.0))
            if out_of_plane_rad:
                normal = 1.0 if rng is None else rng.normal(size=microstructure.angle_rad.size)
                push_out_of_plane(sim.spin, out_of_plane_rad * normal)
            ended, evaluations = relax(sim, MU0_T_M_PER_A * material.H_A_A_per_m, tolerance, max_evaluations)
            spin = sim.spin.reshape(*microstructure.shape, 3)
            m.append(float((strength * spin[..., 1]).mean()))
            status.append(ended)
            counts.append(evaluations)
            if i in wanted:
                kept.append((h, np.arctan2(spin[..., 0], spin[..., 1])))
            if sweep.until == "coercivity" and m[-1] < 0 and ended is FieldStatus.CONVERGED:
                break
    return DemagnetizationCurve(
        h=fields[: len(m)],
        m=np.array(m),
        status=tuple(status),
        evaluations=sum(counts),
        angle_rad=np.array([angle for _, angle in kept]).reshape(len(kept), *microstructure.shape),
        kept_h=np.array([h for h, _ in kept]),
        evaluations_per_field=np.array(counts),
    )


def check_phases(microstructure: Microstructure, material: Material) -> None:
    """Raise InputError if a phase has another exchange: fidimag's Ms and K1 may vary from cell to cell, its A not."""
    for phase in microstructure.phases:
        if phase.Js_T > 0 and phase.A_J_per_m != material.A_J_per_m:
            raise InputError(
                f"backend fidimag: it knows one exchange stiffness, and this magnet has {material.A_J_per_m:g} J/m and "
                f"{phase.A_J_per_m:g} J/m between its grains; use backend planar"
            )


def load_fidimag() -> Any:
    """The fidimag package with its compiled parts.

    Raises:
        InputError: if it is not there or its compiled parts do not load.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):  # it prints a page where a library of its own is missing
            fidimag = importlib.import_module("fidimag")
            importlib.import_module("fidimag.micro")
            importlib.import_module("fidimag.common")
    except ModuleNotFoundError as error:
        if error.name == "fidimag":
            raise InputError(
                "backend fidimag: fidimag is not installed; it is an optional solver that is built from source, "
                f"see {BUILD_GUIDE}, or use backend planar"
            ) from None
        raise InputError(
            f"backend fidimag: fidimag is installed but does not load ({error}; it needs the package six, too); "
            f"its build guide is {BUILD_GUIDE}"
        ) from None
    except ImportError as error:
        raise InputError(
            f"backend fidimag: fidimag is installed but does not load ({error}); its build guide is {BUILD_GUIDE}"
        ) from None
    return fidimag


def make_simulation(microstructure: Microstructure, material: Material, length_nm: float, name: str) -> tuple[Any, Any]:
    """fidimag's simulation of a structure, saturated along +y, and its Zeeman term.

    Flat arrays of fidimag are cell-major with ix running fastest, as the rows of a structure are.
    """
    fidimag = load_fidimag()
    (ny, nx), cell_nm = microstructure.shape, microstructure.cell_nm
    mesh = fidimag.common.CuboidMesh(
        nx=nx, ny=ny, nz=1, dx=cell_nm, dy=cell_nm, dz=length_nm, unit_length=1e-9, periodicity=(False, False, False)
    )
    sim = fidimag.micro.Sim(mesh, name=name, driver="steepest_descent")
    Ms: Any = material.Ms_A_per_m
    K1: Any = material.K1_J_per_m3
    if microstructure.phases:
        Ms = microstructure.polarization_T(material).reshape(-1) / MU0_T_M_PER_A
        K1 = np.array([K1, *(phase.K1_J_per_m3 for phase in microstructure.phases)])[microstructure.phase_map].reshape(
            -1
        )
    sim.set_Ms(Ms)  # before set_m, which zeroes every spin of a cell without magnetisation
    axis = np.stack([np.sin(microstructure.angle_rad), np.cos(microstructure.angle_rad)], axis=-1)
    axis = np.concatenate([axis, np.zeros((ny, nx, 1))], axis=-1).reshape(-1)
    zeeman = fidimag.micro.Zeeman((0, 0, 0))
    sim.add(fidimag.micro.UniaxialAnisotropy(K1, axis=axis))
    sim.add(fidimag.micro.UniformExchange(material.A_J_per_m))
    sim.add(fidimag.micro.Demag())
    sim.add(zeeman)
    sim.set_m((0, 1, 0))
    return sim, zeeman


def relax(sim: Any, anisotropy_field_T: float, tolerance: float, max_evaluations: int) -> tuple[FieldStatus, int]:
    """Steepest descent by fidimag's steps with step lengths from here, until the torque is below the tolerance.

    Args:
        sim: fidimag's simulation; its spins are changed.
        anisotropy_field_T: mu0 H_A; fidimag's torques are in tesla and its step lengths in 1 / T.
        tolerance: largest torque in units of H_A.
        max_evaluations: of the effective field.

    Returns:
        How it ended, and the evaluations spent.
    """
    driver = sim.driver
    sim.compute_effective_field()
    spin, field = sim.spin.reshape(-1, 3), driver.scale * sim.field.reshape(-1, 3)
    torque = np.cross(spin, field)
    driver.mxH[:] = torque.reshape(-1)
    driver.mxmxH[:] = np.cross(spin, torque).reshape(-1)
    driver.mxmxH_last[:] = driver.mxmxH
    driver.spin_last[:] = sim.spin
    length, evaluations = FIRST_STEP / anisotropy_field_T, 1
    while evaluations < max_evaluations:
        driver.step = evaluations
        driver.tau = length
        driver.run_step_CLIB()
        evaluations += 1
        move, change = sim.spin - driver.spin_last, driver.mxmxH - driver.mxmxH_last
        if largest(driver.mxH) < tolerance * anisotropy_field_T and largest(move) < LARGEST_MOVE:
            return FieldStatus.CONVERGED, evaluations
        length = step_length(move, change, evaluations, anisotropy_field_T)
    return FieldStatus.OUT_OF_EVALUATIONS, evaluations


def step_length(move: np.ndarray, change: np.ndarray, count: int, anisotropy_field_T: float) -> float:
    """Length of Barzilai and Borwein, 1 / T: s.s / s.y and s.y / y.y in turn, positive and within bounds.

    Args:
        move: s, the last change of the spins.
        change: y, the change of m x (m x mu0 H) that came with it, T.
        count: which of the two forms: the first if even.
        anisotropy_field_T: mu0 H_A, the measure of the bounds.
    """
    product = float(move @ change)
    above, below = (float(move @ move), product) if count % 2 == 0 else (product, float(change @ change))
    longest = LONGEST_STEP / anisotropy_field_T
    # Along a direction of negative curvature the quotient is negative: its size is as good a length, its sign is not.
    return longest if below == 0 else min(max(abs(above / below), SHORTEST_STEP / anisotropy_field_T), longest)


def largest(vectors: np.ndarray) -> float:
    """Largest length among flat (3 n,) vectors."""
    return math.sqrt(float(np.square(vectors.reshape(-1, 3)).sum(axis=1).max()))


def push_out_of_plane(spin: np.ndarray, angle_rad: float | np.ndarray) -> None:
    """Turn flat (3 n,) unit vectors towards +z by one angle or by (n,) of them, in place."""
    vectors = spin.reshape(-1, 3)
    vectors *= np.atleast_1d(np.cos(angle_rad))[:, None]
    vectors[:, 2] += np.sin(angle_rad)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
