"""How right a surrogate is, as pictures: the paper's Figures 4 to 6, whole curves, and losses of its trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from inverse_design.console import say_loading
from inverse_design.properties import UNITS, Column
from inverse_design.report.data import on_the_curve
from inverse_design.report.figures import PREDICTED, draw_curve
from inverse_design.report.style import own_style
from inverse_design.run.accuracy import last_round, predictions
from inverse_design.run.design import read_design, study_of
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import HISTORY, Stage
from inverse_design.study.shipped import fixed_sections, labels_of
from simulation.anchors import ANCHORS
from simulation.files import replacing
from simulation.labels.sets import SPLITS, load_label_set
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import axis_color
from simulation.pictures.plots import SIMULATED, draw_directions
from simulation.sampling import Purpose

if TYPE_CHECKING:
    from surrogate import Surrogate

_NAMES = dict(
    zip(
        ANCHORS, (r"M_1", r"M_\mathrm{r}", *(rf"H_\mathrm{{k{n}}}" for n in (90, 80, 70)), r"H_\mathrm{c}"), strict=True
    )
)


def computed_against_predicted(anchors: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Figure:
    """The six anchor points of the test split (n, 6), with one standard deviation."""
    figure = Figure(figsize=(10.2, 6.6), layout="constrained")
    for i, (anchor, axes) in enumerate(zip(ANCHORS, figure.subplots(2, 3).ravel(), strict=True)):
        known = np.isfinite(anchors[:, i])
        x, y = anchors[known, i], mean[known, i]
        axes.errorbar(x, y, yerr=std[known, i], fmt="none", ecolor="0.8", elinewidth=0.6, zorder=1, label="± 1 std")
        axes.plot(x, y, "o", color="#1f5f99", markersize=2.5, zorder=2, label=f"{x.size} test structures")
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(ends, ends, color="0.3", linewidth=0.8, zorder=3)
        unit = r"M_\mathrm{s}" if UNITS[anchor] == "Ms" else r"H_\mathrm{A}"
        axes.set_xlabel(f"computed ${_NAMES[anchor]}/{unit}$")
        axes.set_ylabel(f"predicted ${_NAMES[anchor]}/{unit}$")
        axes.set_title(f"mean absolute error {np.abs(x - y).mean():.4f}", fontsize=9)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def reconstructions(name: str, count: int = 4) -> Figure:
    """Test structures of a shipped surrogate, decoded again, and their curves with the predicted points."""
    from surrogate import Surrogate

    surrogate, fixed = Surrogate.load(name), fixed_sections(name)
    labels = load_label_set(fixed["labels_of"])
    test = labels_of(name, ["test"])
    by_mr = np.argsort(test.anchors[:, Column.Mr])
    rows = [int(by_mr[round(q * (len(by_mr) - 1))]) for q in np.linspace(0.05, 0.95, count)]
    structures = [test.structures[row] for row in rows]
    codes = surrogate.encode(structures)
    decoded, (mean, std) = surrogate.decode(codes), surrogate.predict(codes)
    ids = labels.index[np.flatnonzero(labels.split == SPLITS.index("test"))]
    figure = Figure(figsize=(3.3 * count, 8.4), layout="constrained")
    axes = figure.subplots(3, count)
    for column, row in enumerate(rows):
        size_nm = structures[column].shape[1] * structures[column].cell_nm
        for line, (angle, words) in enumerate(
            ((structures[column].angle_rad, "original"), (decoded[column], "decoded"))
        ):
            axes[line, column].imshow(axis_color(angle), origin="lower", extent=(0, size_nm, 0, size_nm))
            axes[line, column].set(title=f"structure {ids[row]}, {words}", xlabel="x in nm", ylabel="y in nm")
        h, m = labels.curve(int(ids[row]))
        material = Material(**fixed["material"])
        draw_curve(axes[2, column], h, m, test.anchors[row], mean[column], std[column], (), material)
    draw_directions(axes[0, 0].inset_axes((-0.62, 0.7, 0.32, 0.32)))
    return figure


@dataclass(frozen=True, eq=False)
class Compared:
    """A simulated curve (h, m) and the six anchor points that were predicted of it, with their standard deviations."""

    title: str
    h: np.ndarray
    m: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def whole_curves(items: Sequence[Compared]) -> Figure:
    """The curve through the six predicted points, its uncertainty, and the simulated curve on top."""
    columns = min(3, len(items))
    rows = -(-len(items) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.1 * rows), layout="constrained")
    for axes, item in zip(figure.subplots(rows, columns, squeeze=False).ravel(), items, strict=False):
        draw_predicted_curve(axes, item.mean, item.std)
        axes.plot(item.h, item.m, color=SIMULATED, linewidth=1.3, label="simulated")
        axes.set(xlabel=r"$H / H_\mathrm{A}$", ylabel=r"$M / M_\mathrm{s}$", ylim=(-0.12, 1.06))
        axes.set_title(item.title, fontsize=9)
    for axes in figure.axes[len(items) :]:
        axes.set_axis_off()
    figure.axes[0].legend(loc="lower right", frameon=False, fontsize=8)
    return figure


def draw_predicted_curve(axes: Axes, mean: np.ndarray, std: np.ndarray) -> None:
    """A monotone curve through six points; the band is between those through the points one deviation worse and better.

    A knee's deviation is one of its field, that of M1 and Mr one of the magnetisation.
    """
    places = on_the_curve(mean, std)
    if not {"M1", "Mr", "Hc"} <= places.keys():
        return
    h, m, dh, dm = np.array(list(places.values())).T
    curves = {shift: _through(h - shift * dh, m + shift * dm) for shift in (-1, 0, 1)}
    knots = np.unique(np.concatenate([curve.x for curve in curves.values()]))
    field = np.interp(
        np.arange(0, len(knots) - 0.95, 0.05), np.arange(len(knots)), knots
    )  # dense where curves are steep
    low, middle, high = (_above_zero(curves[shift], field) for shift in (-1, 0, 1))
    axes.fill_between(field, low, high, color=PREDICTED, alpha=0.22, linewidth=0, label="± 1 std")
    known = field >= curves[0].x[0]
    axes.plot(field[known], middle[known], color=PREDICTED, linewidth=1.3, label="predicted")
    axes.plot(h, m, "D", color=PREDICTED, markersize=4, markerfacecolor="none")
    axes.axhline(0, color="0.75", linewidth=0.7)
    axes.axvline(0, color="0.75", linewidth=0.7)


def _through(h: np.ndarray, m: np.ndarray) -> PchipInterpolator:
    """Points from M1 on, in the order in which the field falls; shifted ones may have changed places."""
    falling = np.minimum.accumulate(h) - 1e-6 * np.arange(len(h))
    return PchipInterpolator(falling[::-1], np.minimum.accumulate(m)[::-1])


def _above_zero(curve: PchipInterpolator, field: np.ndarray) -> np.ndarray:
    """M (n,), 0 beyond the coercive field."""
    return np.where(field < curve.x[0], 0.0, curve(np.clip(field, curve.x[0], curve.x[-1])))


def latent_codes(surrogate: Surrogate, structures: Sequence[Microstructure]) -> Figure:
    """Structures, their latent codes as images, and what is decoded from them (the paper's Figure 4)."""
    codes = surrogate.encode(structures)
    decoded = surrogate.decode(codes)
    shape = surrogate.autoencoder.architecture
    if shape.layout == "grid":
        images = codes.reshape(len(codes), *shape.latent_grid, -1).transpose(0, 3, 1, 2)
        titles = [f"code, channel {i + 1} of {images.shape[1]}" for i in range(images.shape[1])]
    else:
        height = max(n for n in range(1, math.isqrt(shape.latent_dim) + 1) if shape.latent_dim % n == 0)
        images, titles = codes.reshape(len(codes), 1, height, -1), [f"code of {shape.latent_dim} numbers"]
    rows, largest = len(titles) + 2, float(np.abs(codes).max())
    figure = Figure(figsize=(2.5 * len(structures) + 0.8, 2.35 * rows), layout="constrained")
    axes = figure.subplots(rows, len(structures), squeeze=False)
    for column, structure in enumerate(structures):
        size_nm = structure.shape[1] * structure.cell_nm
        for row, angle, words in ((0, structure.angle_rad, "original"), (rows - 1, decoded[column], "decoded")):
            axes[row, column].imshow(axis_color(angle), origin="lower", extent=(0, size_nm, 0, size_nm))
            axes[row, column].set(xlabel="x in nm", ylabel="y in nm")
            axes[row, column].set_title(words, fontsize=9)
        for row, (image, words) in enumerate(zip(images[column], titles, strict=True), start=1):
            shown = axes[row, column].imshow(image, origin="lower", cmap="RdBu_r", vmin=-largest, vmax=largest)
            axes[row, column].set(xlabel="column of the code", ylabel="row of the code")
            axes[row, column].set_title(words, fontsize=9)
    figure.colorbar(shown, ax=axes[1:-1], label="latent code (1 is the prior's standard deviation)", shrink=0.8)
    draw_directions(axes[0, 0].inset_axes((-0.75, 0.68, 0.36, 0.36)))
    return figure


def loss_curves(histories: Mapping[str, Path]) -> Figure:
    """Losses by epoch of trainings by name, from the tables that they left."""
    tables = {name: pd.read_csv(path) for name, path in histories.items()}
    figure = Figure(figsize=(max(4.0 * len(tables), 5.0), 3.4), layout="constrained")
    for axes, (name, table) in zip(figure.subplots(1, len(tables), squeeze=False).ravel(), tables.items(), strict=True):
        words_of = _LOSSES_OF_IMAGES if "squared_error" in table else _LOSSES_OF_LABELS
        for column, words in words_of.items():
            if column in table:
                known = table[column].notna()
                axes.plot(table["epoch"][known], table[column][known], ".-", linewidth=1, markersize=4, label=words)
        unit = "loss per pixel" if "squared_error" in table else "loss, in variances of the labels"
        axes.set(xlabel="epoch", ylabel=unit, yscale="log", title=name)
        if "kl" in table:
            right = axes.twinx()
            right.plot(table["epoch"], table["kl"], "--", color="0.5", linewidth=1)
            right.set_ylabel("KL divergence in nats (dashed)", color="0.4")
            axes.set(zorder=right.get_zorder() + 1, frame_on=False)  # the legend before the dashes
        axes.legend(fontsize=8)
    return figure


_LOSSES_OF_IMAGES = {
    "loss": "loss",
    "val_loss": "loss, held out",
    "squared_error": "squared error",
    "val_squared_error": "squared error, held out",
}
_LOSSES_OF_LABELS = {"loss": "sum over the members", "val_loss": "squared error, held out, mean over the members"}


def write_figures(name_or_run: str, folder: Path) -> list[Path]:
    """Figures of a run or of a shipped surrogate, as PNG and SVG; what there is nothing to draw of is left out."""
    run = Path(name_or_run)
    with own_style():
        figures = _of_run(run) if run.is_dir() else _of_shipped(name_or_run)
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
        for path in written:
            with replacing(path) as partial:
                figures[path.stem].savefig(partial, dpi=130)
    return written


def _of_run(run: Path) -> dict[str, Figure]:
    study, rounds = study_of(run), last_round(run) + 1
    RunFolder(run).check(Stage.VAE, *(Stage.REGRESSOR.of(r) for r in range(rounds)))
    say_loading()
    from surrogate import Surrogate

    figures = {"computed-predicted": computed_against_predicted(*predictions(run, rounds - 1))}
    histories = {"autoencoder": run / Stage.VAE / HISTORY}
    histories |= {f"regressors, round {r}": run / Stage.REGRESSOR.of(r) / HISTORY for r in range(rounds)}
    histories = {name: path for name, path in histories.items() if path.is_file()}  # what came trained has none
    if histories:
        figures["losses"] = loss_curves(histories)
    drawn = [study.family.draw(study.seed, Purpose.BENCHMARK, i) for i in range(4)]
    figures["latent-codes"] = latent_codes(Surrogate.load(run), drawn)
    items = [
        Compared(f"candidate {number:02d}", item.h, item.m, item.candidate.anchors, item.candidate.std)
        for number, item in enumerate(read_design(run).verified[:6])
    ]
    if items:
        figures["curves"] = whole_curves(items)
    return figures


def _of_shipped(name: str) -> dict[str, Figure]:
    from surrogate import Surrogate
    from surrogate.card import find_surrogate, read_card

    surrogate, test = Surrogate.load(name), labels_of(name, ["test"])
    labels = load_label_set(fixed_sections(name)["labels_of"])
    ids = labels.index[np.flatnonzero(labels.split == SPLITS.index("test"))]
    mean, std = surrogate.predict(surrogate.encode(test.structures))
    by_hc = np.argsort(test.anchors[:, Column.Hc])
    rows = [int(by_hc[round(q * (len(by_hc) - 1))]) for q in np.linspace(0.05, 0.95, 6)]
    items = [Compared(f"structure {ids[r]}", *labels.curve(int(ids[r])), mean[r], std[r]) for r in rows]
    home = find_surrogate(name)
    histories = {"autoencoder": home / read_card(home).autoencoder / HISTORY, "regressors": home / HISTORY}
    return {
        "computed-predicted": computed_against_predicted(test.anchors, mean, std),
        "reconstructions": reconstructions(name),
        "latent-codes": latent_codes(surrogate, [test.structures[r] for r in rows[::2]]),
        "losses": loss_curves(histories),
        "curves": whole_curves(items),
    }
