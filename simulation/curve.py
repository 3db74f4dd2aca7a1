"""A demagnetisation curve, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.anchors import UNITS, AnchorPoints, anchor_points, internal_anchor_points
from simulation.bhmax import SQUARE_PRISM, internal_field, maximum_energy_product
from simulation.errors import InputError
from simulation.material import Material
from simulation.minimize import FieldStatus

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class DemagnetizationCurve:
    """M(H) with how each field ended. Two curves are equal if all they hold is.

    Args:
        h: (n,) reduced field H / H_A, falling.
        m: (n,) mean magnetisation along the field, M / Ms.
        status: (n,) `FieldStatus` of each field.
        evaluations: long-range field evaluations of the whole curve.
        angle_rad: (n_kept, ny, nx) angle of each cell's magnetisation from +y towards +x at the kept fields.
        kept_h: (n_kept,) those fields.
        evaluations_per_field: (n,) their share of `evaluations`.
        magnetization: (n_kept, ny, nx, 3) direction of each cell's magnetisation at the kept fields, where the solver
            has it.
        plane_unstable_h: first field of the sweep at which the planar state would leave the plane if it could, NaN if
            it would at none, or if nobody looked.
        material: gives the SI units; None where it is not known.
        demagnetizing_factor: N of the whole magnet along the field: the field inside is H - N M.
    """

    h: np.ndarray
    m: np.ndarray
    status: tuple[FieldStatus, ...]
    evaluations: int
    angle_rad: np.ndarray
    kept_h: np.ndarray
    evaluations_per_field: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    magnetization: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 3)))
    plane_unstable_h: float = math.nan
    material: Material | None = None
    demagnetizing_factor: float = SQUARE_PRISM

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DemagnetizationCurve):
            return NotImplemented
        return all(_same(getattr(self, one.name), getattr(other, one.name)) for one in fields(self))

    __hash__ = None  # type: ignore[assignment]  # its arrays may be written to

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(f'{name} {value}'.strip() for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        """In a notebook: the curve as a plot."""
        from simulation.pictures.notebook import beside, png_of

        return beside(png_of(self.plot) if len(self.h) else "", self._facts(), type(self).__name__)

    def _facts(self) -> list[tuple[str, str]]:
        if not len(self.h):
            return [("", "no fields")]
        bad = int((~self.converged).sum())
        facts = [("", f"{len(self.h)} fields from {self.h[0]:g} to {self.h[-1]:g} H_A")]
        facts += [(name, f"{self.anchors[name]:.4f} {UNITS[name]}") for name in ("Mr", "Hc")]
        if self.material is not None:
            facts.append(("BHmax", f"{self.BHmax / 1e3:.0f} kJ/m3"))
        return [*facts, ("", f"{bad} fields not converged" if bad else "converged")]

    @property
    def converged(self) -> np.ndarray:
        """(n,) bool: whether the relaxation at each field reached its tolerance."""
        return np.array([s is FieldStatus.CONVERGED for s in self.status], dtype=bool)

    @cached_property
    def anchors(self) -> AnchorPoints:
        """Anchor points, NaN where the curve has none."""
        return anchor_points(self.h, self.m)

    @property
    def BHmax(self) -> float:
        """The maximum energy product, J/m^3, see `maximum_energy_product`; NaN where the curve has none.

        Raises:
            InputError: if the curve does not know its material.
        """
        if self.material is None:
            raise InputError(
                "BHmax: this curve does not know its material; use maximum_energy_product(h, m, material) "
                "or dataclasses.replace(curve, material=...)"
            )
        return maximum_energy_product(self.h, self.m, self.material, self.demagnetizing_factor)

    @cached_property
    def internal_anchors(self) -> AnchorPoints:
        """Anchor points by the field inside, which data sheets go by, see `internal_anchor_points`.

        Raises:
            InputError: if the curve does not know its material.
        """
        return internal_anchor_points(self.internal_h, self.m)

    @property
    def internal_h(self) -> np.ndarray:
        """(n,) the field inside the magnet in H_A, h - N q m with q = Ms / H_A: what a data sheet has.

        Raises:
            InputError: if the curve does not know its material.
        """
        if self.material is None:
            raise InputError(
                "internal_h: this curve does not know its material; dataclasses.replace(curve, material=...)"
            )
        return internal_field(self.h, self.m, self.material, self.demagnetizing_factor)

    def plot(self, ax: Axes | None = None, **style: Any) -> Axes:
        """Draw M(H) in reduced units; on a new figure also with axes in MA/m and T, if the material is known.

        Args:
            ax: Matplotlib axes to draw on; of a new figure if None.
            style: of Matplotlib's `plot`, such as `label` and `color`.

        Returns:
            The axes.
        """
        from simulation.pictures.plots import draw_curve, draw_si_axes, own_axes

        axes = own_axes() if ax is None else ax
        first = not axes.lines
        draw_curve(axes, self.h, self.m, **style)
        if first and self.material is not None:
            draw_si_axes(axes, self.material.H_A_A_per_m, self.material.Js_T)
        return axes

    def to_dataframe(self) -> pd.DataFrame:
        """A row a field: h, m, converged; in SI units H_A_per_m and mu0M_T besides, if the material is known."""
        import pandas as pd

        table = pd.DataFrame({"h": self.h, "m": self.m, "converged": self.converged})
        if self.material is not None:
            table["H_A_per_m"] = self.h * self.material.H_A_A_per_m
            table["mu0M_T"] = self.m * self.material.Js_T
        return table

    def to_xarray(self) -> xr.Dataset:
        """`m` and `converged` over the coordinate `h`; `angle_rad` of the kept fields over `kept_h`, y and x.

        Raises:
            InputError: if xarray is not installed, which is the extra `xarray`.
        """
        try:
            import xarray as xr
        except ModuleNotFoundError:
            raise InputError("to_xarray: xarray is not installed: pip install 'inverse-design[xarray]'") from None
        variables: dict[str, Any] = {
            "m": ("h", self.m, {"units": "Ms", "long_name": "magnetisation along the field"}),
            "converged": ("h", self.converged),
        }
        coordinates: dict[str, Any] = {"h": ("h", self.h, {"units": "H_A", "long_name": "applied field"})}
        if len(self.kept_h):
            words = {"units": "rad", "long_name": "angle of the magnetisation from +y towards +x"}
            variables["angle_rad"] = (("kept_h", "y", "x"), self.angle_rad, words)
            coordinates["kept_h"] = ("kept_h", self.kept_h, {"units": "H_A"})
        return xr.Dataset(variables, coordinates, dict(self.anchors))


def _same(one: Any, other: Any) -> bool:
    """Whether two members are equal, arrays by content and NaN to NaN."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return bool(one == other) or (isinstance(one, float) and math.isnan(one) and math.isnan(other))
