"""What a curve and its anchor points are to the people who use them: equal, drawn, tabulated, in SI and inside."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from simulation import (
    ANCHORS,
    AnchorPoints,
    DemagnetizationCurve,
    FieldStatus,
    FieldSweep,
    InputError,
    Microstructure,
    Nd2Fe14B,
    anchor_points,
    demagnetization_curve,
    maximum_energy_product,
)
from simulation.anchors import internal_anchor_points
from simulation.bhmax import internal_field, rectangular_prism
from simulation.demag_tensor import prism_tensor

H, M = np.array([1, 0, -0.2, -0.4]), np.array([0.9, 0.8, 0.6, -0.6])
SWEEP = FieldSweep(step=0.1, until="coercivity")


def curve(h: np.ndarray = H, m: np.ndarray = M, **more: object) -> DemagnetizationCurve:
    """By position, as scripts of before make one."""
    made = DemagnetizationCurve(h, m, (FieldStatus.CONVERGED,) * len(h), 7, np.zeros((0, 2, 2)), np.zeros(0))
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def simulated() -> DemagnetizationCurve:
    magnet = Microstructure(np.zeros((8, 8), int), np.array([0.3]))
    return demagnetization_curve(magnet, "Nd2Fe14B", SWEEP, keep=[0.0])


def test_curves_and_anchor_points_are_equal_by_content() -> None:
    assert curve() == curve(H.copy(), M.copy())
    assert curve() != curve(m=M + 1e-9)
    assert curve() != curve(material=Nd2Fe14B)
    assert curve() != "curve"
    none = AnchorPoints(*[float("nan")] * 6)
    assert none == AnchorPoints(*[float("nan")] * 6), "missing like missing"
    assert hash(none) == hash(AnchorPoints(*[float("nan")] * 6))
    assert curve().anchors == curve().anchors
    assert len({curve().anchors, anchor_points(H, M), none}) == 2


def test_anchor_points_are_a_mapping_in_their_order() -> None:
    points = curve().anchors
    assert list(points) == list(ANCHORS)
    assert dict(points) == dict(zip(ANCHORS, points.as_array(), strict=True))
    assert points["Mr"] == points.Mr == 0.8
    assert {**points}["Hc"] == points.get("Hc")
    with pytest.raises(KeyError, match="'Hk95': the anchor points are M1, Mr"):
        points["Hk95"]


def test_each_says_what_it_is_in_a_line(simulated: DemagnetizationCurve) -> None:
    assert repr(simulated.anchors).startswith("AnchorPoints(M1=0.9")
    said = repr(simulated)
    assert said.startswith(f"<DemagnetizationCurve: {len(simulated.h)} fields from 1 to -0.6 H_A, Mr 0.9")
    assert "kJ/m3, converged>" in said
    assert "\n" not in said
    bad = curve(status=(*[FieldStatus.CONVERGED] * 3, FieldStatus.OUT_OF_EVALUATIONS))
    assert repr(bad).endswith("1 fields not converged>")
    assert repr(curve(H[:0], M[:0])) == "<DemagnetizationCurve: no fields>"


def test_a_notebook_shows_the_plot(simulated: DemagnetizationCurve) -> None:
    page = simulated._repr_html_()
    assert "data:image/png;base64," in page
    assert "kJ/m3" in page
    assert "Hk90" in simulated.anchors._repr_html_()
    assert "MA/m" in Nd2Fe14B._repr_html_()
    assert "no fields" in curve(H[:0], M[:0])._repr_html_()


def test_a_curve_is_drawn_on_given_axes_with_units(simulated: DemagnetizationCurve) -> None:
    axes = Figure().add_subplot()
    assert simulated.plot(axes, label="one") is axes
    assert len(axes.child_axes) == 2, "MA/m and T"
    simulated.plot(axes, label="two", color="red")
    assert len(axes.child_axes) == 2, "once"
    drawn = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    assert [line.get_label() for line in drawn] == ["one", "two"]
    np.testing.assert_array_equal(drawn[0].get_xdata(), simulated.h)
    assert "H_" in axes.get_xlabel()


def test_as_a_table_with_si_units_where_the_material_is_known(simulated: DemagnetizationCurve) -> None:
    assert list(curve().to_dataframe()) == ["h", "m", "converged"]
    table = simulated.to_dataframe()
    assert table["mu0M_T"].max() == pytest.approx(1.61 * simulated.m.max())
    assert table["H_A_per_m"][0] == pytest.approx(Nd2Fe14B.H_A_A_per_m)


def test_as_an_xarray(simulated: DemagnetizationCurve) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    data = simulated.to_xarray()
    assert float(data.m.sel(h=0.0)) == simulated.anchors.Mr
    assert data.angle_rad.sel(kept_h=0.0).shape == (8, 8)
    assert data.attrs["Hc"] == simulated.anchors.Hc


def test_the_energy_product_needs_a_material(simulated: DemagnetizationCurve) -> None:
    assert simulated.BHmax == maximum_energy_product(simulated.h, simulated.m, Nd2Fe14B)
    for name in ("BHmax", "internal_h"):
        with pytest.raises(InputError, match=f"{name}: this curve does not know its material"):
            getattr(curve(), name)


@pytest.mark.parametrize(("ny", "nx"), [(12, 12), (24, 6), (6, 24), (10, 7), (1, 40)])
def test_the_factor_of_a_rectangle_is_the_mean_of_its_cells(ny: int, nx: int) -> None:
    """The closed formula against the tensor of the solver, summed over all pairs of cells."""
    rows, columns = (np.where(np.arange(n) == 0, n, 2 * (n - np.arange(n))) for n in (ny, nx))
    mean = (prism_tensor(ny, nx)[1] * rows[:, None] * columns).sum() / (ny * nx)
    assert rectangular_prism(ny, nx) == pytest.approx(mean, rel=1e-9)
    assert rectangular_prism(ny, nx) + rectangular_prism(nx, ny) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("ny", "nx"), [(16, 4), (4, 16)])
def test_a_rectangle_has_the_energy_product_of_its_own_factor(ny: int, nx: int) -> None:
    magnet = Microstructure(np.arange(64).reshape(ny, nx), np.linspace(-1.4, 1.4, 64))
    found = demagnetization_curve(magnet, sweep=SWEEP)
    assert found.demagnetizing_factor == rectangular_prism(ny, nx)
    own = maximum_energy_product(found.h, found.m, Nd2Fe14B, rectangular_prism(ny, nx))
    assert found.BHmax == own
    assert abs(own - maximum_energy_product(found.h, found.m, Nd2Fe14B)) > 1e3


def test_anchor_points_by_the_field_inside() -> None:
    """A curve that is straight against the field inside keeps its points through shearing; Hc is the same."""
    inside = np.linspace(1, -1, 201)
    m = np.clip(0.8 + inside, -1, 1)
    factor, q = 0.5, Nd2Fe14B.q
    applied = inside + factor * q * m
    np.testing.assert_allclose(internal_field(applied, m, Nd2Fe14B, factor), inside, atol=1e-12)
    points = internal_anchor_points(internal_field(applied, m, Nd2Fe14B, factor), m)
    assert points.Mr == pytest.approx(0.8)
    assert points.Hk90 == pytest.approx(0.08)
    assert points.Hc == pytest.approx(0.8)
    assert points.Hc == pytest.approx(anchor_points(applied, m).Hc)
    assert anchor_points(applied, m).Mr < 0.72, "sheared, by the applied field"
    assert math.isnan(points.M1)
    assert math.isnan(internal_anchor_points(np.array([0.5, 0.1]), np.ones(2)).Mr)


def test_of_a_full_loop_the_falling_branch_is_taken_and_said() -> None:
    falling = anchor_points(H, M)
    loop_h, loop_m = np.concatenate([H, H[::-1][1:]]), np.concatenate([M, -M[2:], [0.95]])
    with pytest.warns(UserWarning, match=r"falling branch is taken, points 0 to 3 of 7, H from 1 to -0.4"):
        assert anchor_points(loop_h, loop_m) == falling
    virgin = np.concatenate([[0.0, 0.5], H]), np.concatenate([[0.0, 0.4], M])
    with pytest.warns(UserWarning, match="points 2 to 5 of 6"):
        assert anchor_points(*virgin) == falling


@pytest.mark.parametrize(
    ("h", "m", "says"),
    [
        (H[::-1], M[::-1], r"the field rises.*h\[::-1\]"),
        (H, M[:3], "must be of one length"),
        (H[None], M[None], "must be of one length"),
        ([1.0, np.nan], [1, 1], "every field must be a finite number"),
        ("h", "m", "must be numbers"),
    ],
)
def test_what_is_no_curve_is_refused(h: np.ndarray, m: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says):
        anchor_points(h, m)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sweep": [1, 0, -1]}, r"sweep must be a FieldSweep, such as FieldSweep\(.*got \[1, 0, -1\]"),
        ({"material": "SmCo5"}, "material must be a Material or one of the names Nd2Fe14B, FePt, Co, got 'SmCo5'"),
        ({"material": 8e-12}, "material must be a Material"),
        ({"tolerence": 1e-3}, "unknown option 'tolerence'; those of backend planar: tolerance, max_evaluations"),
        ({"microstructure": np.zeros((4, 4))}, "microstructure must be a Microstructure, got a ndarray"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(wrong: dict[str, object], says: str) -> None:
    magnet = Microstructure(np.zeros((4, 4), int), np.array([0.3]))
    with pytest.raises(InputError, match=says):
        demagnetization_curve(**{"microstructure": magnet, **wrong})  # type: ignore[arg-type]
