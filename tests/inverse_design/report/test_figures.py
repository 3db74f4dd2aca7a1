"""Colours, grain maps and figures of a report."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from PIL import Image

from inverse_design.report import figures, svg, switching
from inverse_design.report.page import write_report
from inverse_design.report.plots import curve_frame
from simulation import Microstructure, Nd2Fe14B
from simulation.pictures.axis_colors import axis_color, hex_color
from simulation.pictures.grain_image import LINE_RGB, field_data_uri, png_data_uri, rgb_map
from tests.inverse_design.report.stand_ins import GOALS, report_data

# What people with full colour vision and with the three dichromacies see of linear sRGB: Machado et al. (2009).
VISION = {
    "full": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip


def cielab(srgb: np.ndarray, vision: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours as seen by an eye."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ vision.T, 0, 1)
    xyz = linear @ np.array([[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920],
                             [0.1804375, 0.0721750, 0.9503041]]) / [0.95047, 1.0, 1.08883]  # fmt: skip
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("name", VISION)
def test_axes_45_degrees_apart_look_different_to_every_eye(name: str) -> None:
    degrees = np.arange(180)
    lab = cielab(axis_color(np.radians(degrees)), VISION[name])
    apart = np.abs(degrees[:, None] - degrees)
    apart = np.minimum(apart, 180 - apart)
    difference = np.linalg.norm(lab[:, None] - lab, axis=-1)
    assert difference[apart >= 45].min() > 40, "two categories on a map need about 20"
    steps = np.linalg.norm(lab - np.roll(lab, 1, axis=0), axis=1)
    assert steps.max() < 3 * np.median(steps), "no seam, the one between 179 and 0 degrees included"


def test_an_axis_and_its_opposite_have_one_colour() -> None:
    angles = np.linspace(-np.pi / 2, np.pi / 2, 37)
    np.testing.assert_allclose(axis_color(angles), axis_color(angles + np.pi), atol=1e-12)
    assert hex_color(0.3) == hex_color(0.3 - np.pi)


def test_a_grain_map_has_y_upwards_and_one_colour_a_grain() -> None:
    structure = Microstructure(np.array([[0, 0], [1, 2]]), np.radians([0.0, 40.0, -70.0]), 5.0)
    image = rgb_map(structure, 100)
    for row, column, angle in ((75, 25, 0), (75, 75, 0), (25, 25, 40), (25, 75, -70)):
        np.testing.assert_allclose(image[row, column], 255 * axis_color(np.radians(angle)), atol=0.51)
    lines = (image == LINE_RGB).all(axis=-1)
    assert lines[50].all()
    assert lines[:50, 50].all()
    assert not lines[51:].any()


def test_pictures_inside_the_page_have_the_colours_of_the_axes() -> None:
    structure = Microstructure(np.array([[0, 0], [1, 2]]), np.radians([0.0, 40.0, -70.0]), 5.0)
    fine = structure.refine(20)
    for uri, tolerance, shown in (
        (png_data_uri(structure, 40), 0.51, rgb_map(structure, 40)),
        (field_data_uri(fine.angle_rad, 40), 12, 255 * axis_color(fine.angle_rad[::-1])),
    ):
        with Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))) as picture:
            assert picture.size == (40, 40)
            np.testing.assert_allclose(np.asarray(picture.convert("RGB"), float), shown, atol=tolerance)


def legend_texts(axes: Axes) -> list[Text]:
    legend = axes.get_legend()
    assert legend
    return list(legend.get_texts())


def test_figures_are_named_with_their_units() -> None:
    data = report_data()
    curve = figures.curve_figure(data.verified[1].h, data.verified[1].m, data.verified[1].anchors,
                                 np.full(6, 0.5), np.full(6, 0.1), GOALS, Nd2Fe14B, title="a $ b.npz")  # fmt: skip
    axes = curve.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (r"$H / H_\mathrm{A}$", r"$M / M_\mathrm{s}$")
    second = axes.child_axes
    assert [second[0].get_xlabel(), second[1].get_ylabel()] == ["H in MA/m", r"$\mu_0 M$ in T"]
    names = {text.get_text() for text in legend_texts(axes)}
    assert names == {"goal", "simulated", "its anchor points", "predicted ± 1 std"}
    front = figures.front_figure(data).axes[0]
    assert (front.get_xlabel(), front.get_ylabel()) == (r"Mr in $M_\mathrm{s}$", r"Hc in $H_\mathrm{A}$")
    assert [text.get_text() for text in legend_texts(front)] == [
        "Pareto front, predicted", "candidate, predicted", "candidate, simulated", "candidate, simulated: a hit",
        "candidate, not converged",
    ]  # fmt: skip
    grains = figures.grain_map(data.verified[0].candidate.structure).axes[0]
    assert (grains.get_xlabel(), grains.get_ylabel()) == ("x in nm", "y in nm (along the field)")
    volume = figures.hypervolume_figure(data.hypervolume).axes[0]
    assert volume.get_xlabel() == "generation"
    assert "no unit" in volume.get_ylabel()
    curve.draw_without_rendering()  # the lone $ of a file's name starts no formula


def test_write_report_leaves_whole_files_and_draws_each_figure_once(tmp_path: Path) -> None:
    data = report_data()
    data = dataclasses.replace(data, verified=data.verified[1:], all_figures=True)
    assert write_report(data, tmp_path) == tmp_path / "report.html"
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    candidates = ("candidate-00", "candidate-00-structure", "candidate-01", "candidate-01-structure")
    stems = ("front", "hypervolume", "learning", *candidates)
    read = {path.stem: pd.read_csv(path) for path in (tmp_path / "tables").iterdir()}
    assert set(read) == {"accuracy", "hypervolume", "learning", "seconds"}
    assert read["hypervolume"].iloc[-1].tolist() == [1, 20, 0.95]
    assert list(read["accuracy"].set_index("anchor").loc["Mr"]) == ["Ms", 0.016, 0.0152]
    assert read["learning"]["loss"].iloc[-1] == 0.01
    names = {name for name in names if not name.startswith("tables/")}
    assert names == {"report.html", *(f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "svg"))}
    with Image.open(tmp_path / "figures" / "candidate-00.png") as picture:
        assert picture.size[0] > 1000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "figures").iterdir()}
    write_report(dataclasses.replace(data, verified=data.verified[:1]), tmp_path)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "figures").iterdir()}
    drawn_again = {path.stem for path in after if after[path] != before[path]}
    assert drawn_again == {"front"}, "one candidate fewer changes the front only"
    assert {path.stem for path in before} - {path.stem for path in after} == {"candidate-01", "candidate-01-structure"}


def switched(structure: Microstructure) -> np.ndarray:
    """One cell first, half of the rest later, the others not at all."""
    field = np.full(structure.shape, np.nan)
    field[:, : field.shape[1] // 2] = -0.3
    field[0, 0] = -0.1
    return field


def test_a_map_of_the_reversal_has_y_upwards_and_is_white_where_nothing_switches() -> None:
    structure = Microstructure(np.zeros((4, 4), int), np.zeros(1), 2.0)
    image = switching.switching_rgb(structure, switched(structure), 40).astype(int)
    light = image.sum(axis=-1)
    np.testing.assert_array_equal(image[5, 35], switching.UNSWITCHED_RGB)
    assert light[5, 35] > light[35, 5] > light[5, 5], "white, the first cell at the lower left, then the rest"
    assert switching.ends(switched(structure)) == (-0.3, -0.1)
    assert switching.half(switched(structure)) == -0.3
    assert switching.half(np.array([[-0.1, np.nan, np.nan]])) is None


@pytest.mark.parametrize("name", VISION)
def test_the_order_of_switching_is_the_order_of_lightness_to_every_eye(name: str) -> None:
    lightness = cielab(switching.COLORS(np.linspace(0, 1, switching.SHADES))[:, :3], VISION[name])[:, 0]
    assert (np.diff(lightness) > 0).all()
    assert lightness[-1] - lightness[0] > 50


def test_the_structure_figure_shows_the_reversal_where_it_is_known() -> None:
    item = report_data().verified[0]
    known = figures.structure_figure(0, item, switched(item.candidate.structure))
    assert [axes.get_ylabel() for axes in known.axes] == [
        "grains", "area in %", "y in nm", r"switched at $H / H_\mathrm{A}$ (white: not at all)",
    ]  # fmt: skip
    assert len(figures.structure_figure(0, item, None).axes) == 2
    assert len(figures.structure_figure(0, item, np.full(item.candidate.structure.shape, np.nan)).axes) == 2


def test_both_sides_of_the_broken_field_axis_have_one_scale_and_nothing_is_drawn_between() -> None:
    frame = curve_frame([-0.4])
    below, above = frame.pieces
    assert (below[3] - below[2]) / (below[1] - below[0]) == pytest.approx((above[3] - above[2]) / (above[1] - above[0]))
    h = np.linspace(1, -0.4, 141)
    drawn = svg.curve(frame, h, np.full(141, 0.5), "simulated")
    x = np.array([float(point.split(",")[0]) for point in drawn.replace('"', " ").split() if "," in point])
    rounding = 0.01
    assert ((x <= below[3] + rounding) | (x >= above[2] - rounding)).all()
    assert x.min() == pytest.approx(frame.px(-0.4), abs=rounding)
    assert x.max() == pytest.approx(frame.px(1.0), abs=rounding)


@pytest.mark.parametrize(("low", "high"), [(-0.47, 0.1), (0.0, 1.0), (3e-4, 9e-4), (-2000.0, 5.0)])
def test_ticks_are_round_numbers_within_their_range(low: float, high: float) -> None:
    found = np.array(svg.ticks(low, high, 5))
    assert 3 <= len(found) <= 11
    assert low <= found[0] <= found[-1] <= high
    step = np.diff(found)
    np.testing.assert_allclose(step, step[0], rtol=1e-9)
    assert f"{step[0]:.0e}"[0] in "125"
