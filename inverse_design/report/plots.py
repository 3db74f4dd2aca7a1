"""The plots of the page: curves against goals and predictions, distributions, learning, hypervolume."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex

from inverse_design.goals import Goal
from inverse_design.properties import UNITS, Column, grain_diameters_nm
from inverse_design.report import svg, switching
from inverse_design.report.data import how, internal_field, on_the_curve
from inverse_design.report.measured_curve import behind
from inverse_design.run.verified import Verified
from simulation.anchors import ANCHORS, LEVELS
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import hex_color

CHECKS = 4
"""Colours of further simulations; beyond them they come again."""

GATE = 0.035
"""Half height of a goal's mark around the curve, in Ms and in H_A."""


def curve_frame(fields: Sequence[float]) -> svg.Frame:
    """The plane of curves, from the deepest of some fields (H / H_A) to H_A without most of the first quadrant: what
    a curve is judged by lies in the second, at H = 0 and at H_A."""
    finite = [v for v in fields if np.isfinite(v)]
    deepest = min([*finite, -0.1])
    return svg.Frame(
        (deepest - 0.06, 1.06), (-0.12, 1.08), 470, 320, left=52, right=52, top=44, bottom=48, cut=(0.1, 0.95)
    )


def deepest_fields(verified: Sequence[Verified], goals: Sequence[Goal], material: Material) -> list[float]:
    """Fields that a frame for these candidates must show, all of them negative."""
    deepest = [-edge for goal in goals if UNITS[goal.quantity] == "H_A" and goal.window for edge in goal.window]
    for item in verified:
        deepest += [-float(v) for v in (*item.anchors[2:], *(item.candidate.anchors + item.candidate.std)[2:])]
        deepest += [float(np.min(field, initial=0.0)) for field in (item.h, internal_field(item.h, item.m, material))]
    return [max(v, -1.0) for v in deepest if np.isfinite(v)]


def curve_axes(frame: svg.Frame, material: Material) -> Markup:
    """Reduced units below and at the left, SI above and at the right, and the lines h = 0 and m = 0."""
    return (
        svg.axes(frame, "H / H_A", "M / Ms")
        + svg.second_axes(frame, material.H_A_A_per_m / 1e6, "H in MA/m", material.Js_T, "μ₀M in T")
        + svg.line(frame.px(0), frame.box[1], frame.px(0), frame.box[3], "zero")
        + svg.line(frame.box[0], frame.py(0), frame.box[2], frame.py(0), "zero")
    )


def goal_bands(frame: svg.Frame, goals: Sequence[Goal], remanence: float) -> Markup:
    """What is allowed: a faint band across the plot and a strong mark where the curve has to pass; a measured curve.

    Args:
        remanence: where the knees' marks stand, M / Ms; NaN is taken as 1.
    """
    level = remanence if np.isfinite(remanence) else 1.0
    parts = [behind(frame, goals)]
    for goal in goals:
        if goal.window is None or goal.quantity not in ANCHORS:
            continue
        low, high = max(goal.window[0], 0.0), goal.window[1]
        if UNITS[goal.quantity] == "Ms":
            at = 1.0 if goal.quantity == "M1" else 0.0
            parts.append(svg.area(frame, frame.x, (low, high), "band"))
            parts.append(svg.area(frame, (at - GATE, at + GATE), (low, high), "gate"))
        else:
            at = LEVELS[goal.quantity] * level
            parts.append(svg.area(frame, (-high, -low), frame.y, "band"))
            parts.append(svg.area(frame, (-high, -low), (at - GATE, at + GATE), "gate"))
    return Markup("").join(parts)


def predicted_points(frame: svg.Frame, mean: np.ndarray, std: np.ndarray) -> Markup:
    """Predicted anchors with bars of one standard deviation."""
    places = on_the_curve(mean, std)
    return Markup("").join(
        svg.error_point(frame, *place, "predicted", f"{name} predicted: {mean[i]:.3f} ± {std[i]:.3f} {UNITS[name]}")
        for i, name in enumerate(ANCHORS)
        if (place := places.get(name))
    )


def candidate_curve(
    frame: svg.Frame,
    number: int,
    item: Verified,
    goals: Sequence[Goal],
    material: Material,
    checks: Sequence[Verified] = (),
) -> Markup:
    """Simulated curve against the applied and the internal field, predicted anchors and goal windows of a candidate.

    Args:
        checks: its further simulations, each a curve in a colour of its own, with a legend below.
    """
    also = f", {len(checks)} further simulation{'s' if len(checks) > 1 else ''}" if checks else ""
    picture = svg.figure(
        frame,
        f"Candidate {number:02d}: simulated demagnetisation curve{also}, predicted anchor points and goal windows",
        goal_bands(frame, goals, item.anchors[Column.Mr]),
        curve_axes(frame, material),
        svg.curve(frame, internal_field(item.h, item.m, material), item.m, "internal"),
        svg.curve(frame, item.h, item.m, "simulated" if item.converged else "simulated unconverged"),
        *(svg.curve(frame, again.h, again.m, f"check check-{i % CHECKS}") for i, again in enumerate(checks)),
        predicted_points(frame, item.candidate.anchors, item.candidate.std),
    )
    if not checks:
        return picture
    lines = [("simulated-key", item), *((f"check-key check-{i % CHECKS}", again) for i, again in enumerate(checks))]
    names = Markup("").join(
        Markup('<li><span class="key {}"></span>{}{}</li>').format(
            css, how(one), "" if one.converged else " (not converged)"
        )
        for css, one in lines
    )
    return Markup('{}<ul class="keys">{}</ul>').format(picture, names)


def grain_sizes(structure: Microstructure) -> Markup:
    """Histogram of grain diameters."""
    diameters = grain_diameters_nm(structure)
    low, high = 0.0, float(diameters.max()) * 1.05
    counts, edges = np.histogram(diameters, bins=12, range=(low, high))
    frame = svg.Frame((low, high), (0, counts.max() * 1.08), 230, 156, left=48, right=10, top=8, bottom=46)
    bars = [
        svg.area(frame, (edges[i] + 0.04 * high / 12, edges[i + 1]), (0, int(n)), "column")
        for i, n in enumerate(counts)
        if n
    ]
    title = f"Grain diameters, {len(diameters)} grains, mean {diameters.mean():.1f} nm"
    return svg.figure(
        frame, title, *bars, svg.axes(frame, "grain diameter in nm", "grains", whole=True), css="plot small"
    )


def axis_distribution(structure: Microstructure) -> Markup:
    """Share of the area by direction of the easy axis, each bar in the colour of its direction."""
    counts, edges = np.histogram(np.degrees(structure.angle_rad), bins=18, range=(-90, 90))
    share = 100 * counts / structure.angle_rad.size
    frame = svg.Frame((-90, 90), (0, float(share.max()) * 1.08), 230, 156, left=48, right=10, top=8, bottom=46)
    bars = [
        svg.area(
            frame, (edges[i] + 0.6, edges[i + 1] - 0.6), (0, float(part)), "axis-bar",
            f"fill:{hex_color(np.radians((edges[i] + edges[i + 1]) / 2))}",
        )
        for i, part in enumerate(share)
        if part
    ]  # fmt: skip
    axes = svg.axes(frame, "axis from field in degrees", "area in %", x_ticks=(-90, -45, 0, 45, 90))
    return svg.figure(frame, "Distribution of the easy axes by area", *bars, axes, css="plot small")


def switching_scale(field: np.ndarray) -> Markup:
    """The legend of a map of switching fields; empty where nothing switched."""
    found = switching.ends(field)
    if found is None:
        return Markup("")
    last, first = found if found[0] < found[1] else (found[0] - 0.01, found[1])
    frame = svg.Frame((last, first), (0, 1), 230, 60, left=16, right=16, top=4, bottom=42)
    steps = np.linspace(last, first, switching.SHADES // 2 + 1)
    colors = switching.COLORS(np.linspace(0, 1, switching.SHADES // 2))
    bars = [
        svg.area(frame, (low, high), (0, 1), "shade", f"fill:{to_hex(color)}")
        for low, high, color in zip(steps[:-1], steps[1:], colors, strict=True)
    ]
    label = svg.text(115, 52, "switched at H / H_A", "middle", "label")
    marks = [svg.text(frame.px(at), 32, svg.number(round(at, 4)), "middle") for at in (last, first)]
    return svg.figure(frame, "Colours of switching fields", *bars, label, *marks, css="plot small")


def direction_disc() -> Markup:
    """The legend of grain maps: every direction in its colour; opposite directions are one axis and share it."""
    wedges = []
    for start in range(0, 360, 4):
        angles = np.radians([start - 0.4, start + 4.4])
        (x0, x1), (y0, y1) = 50 * np.sin(angles), -50 * np.cos(angles)
        wedges.append(
            Markup('<path d="M0 0L{:.2f} {:.2f}A50 50 0 0 1 {:.2f} {:.2f}Z" fill="{}"/>').format(
                x0, y0, x1, y1, hex_color(np.radians(start + 2))
            )
        )
    marks = [
        svg.text(0, -56, "0°", "middle"), svg.text(56, 4, "+90°", "start"), svg.text(-56, 4, "−90°", "end"),
        svg.text(40, -42, "+45°", "start"), svg.text(-40, -42, "−45°", "end"),
        svg.text(40, 52, "−45°", "start"), svg.text(-40, 52, "+45°", "end"), svg.text(0, 66, "0°", "middle"),
    ]  # fmt: skip
    return Markup(
        '<svg class="disc" viewBox="-100 -74 200 148" role="img" aria-label="Colour of each axis direction, measured '
        'from the field towards +x">{}<circle r="50" class="rim"/>'
        '<path class="field" d="M0 26V-20M-5 -13L0 -21L5 -13"/>'
        '<text class="on-disc" x="0" y="-27" text-anchor="middle">H</text>{}</svg>'
    ).format(Markup("").join(wedges), Markup("").join(marks))


def traces(series: Mapping[str, tuple[np.ndarray, np.ndarray]], x_label: str, y_label: str, log_y: bool) -> Markup:
    """Lines by name in one frame, their names in a legend below it."""
    finite = {name: _finite(x, y, log_y) for name, (x, y) in series.items()}
    finite = {name: pair for name, pair in finite.items() if len(pair[0])}
    if not finite:
        return Markup("")
    x = np.concatenate([pair[0] for pair in finite.values()])
    y = np.concatenate([pair[1] for pair in finite.values()])
    low, high = (
        (float(y.min()) / 1.15, float(y.max()) * 1.15) if log_y else svg.padded([float(y.min()), float(y.max())])
    )
    x_range = (float(x.min()), float(x.max()) if x.max() > x.min() else float(x.min()) + 1)
    frame = svg.Frame(x_range, (low, high), 420, 270, left=62, log_y=log_y)
    lines = [svg.curve(frame, *pair, f"trace trace-{i % 6}") for i, pair in enumerate(finite.values())]
    names = Markup("").join(
        Markup('<li><span class="key key-{}"></span>{}</li>').format(i % 6, name) for i, name in enumerate(finite)
    )
    picture = svg.figure(frame, f"{y_label} against {x_label}", svg.axes(frame, x_label, y_label), *lines)
    return Markup('{}<ul class="keys">{}</ul>').format(picture, names)


def learning(losses: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> list[tuple[str, Markup]]:
    """A chart for each network: the curves whose names begin alike, up to a comma, colon, slash or space."""
    groups: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for name, curve in losses.items():
        groups.setdefault(re.split(r"[,:/ ]", name, maxsplit=1)[0], {})[name] = curve
    charts = [(name, traces(group, "epoch", "loss", log_y=True)) for name, group in groups.items()]
    return [(name, chart) for name, chart in charts if chart]


def _finite(x: np.ndarray, y: np.ndarray, positive: bool) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = np.isfinite(x) & np.isfinite(y) & ((y > 0) | (not positive))
    return x[keep], y[keep]
