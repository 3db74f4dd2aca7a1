"""How right a surrogate is, as pictures: the paper's Figures 5 and 6."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from inverse_design.outputs import last_round, predictions
from inverse_design.pretrained import fixed_sections, labels_of
from inverse_design.report.axis_colors import axis_color
from inverse_design.report.figures import draw_curve, draw_directions
from simulation.anchors import ANCHORS
from simulation.label_sets import load_label_set
from simulation.material import Material

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
        unit = r"M_\mathrm{s}" if anchor.startswith("M") else r"H_\mathrm{A}"
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
    by_mr = np.argsort(test.anchors[:, 1])
    rows = [int(by_mr[round(q * (len(by_mr) - 1))]) for q in np.linspace(0.05, 0.95, count)]
    structures = [test.structures[row] for row in rows]
    codes = surrogate.encode(structures)
    decoded, (mean, std) = surrogate.decode(codes), surrogate.predict(codes)
    ids = labels.index[np.flatnonzero(labels.split == labels.split[0])]
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


def write_figures(name_or_run: str, folder: Path) -> list[Path]:
    """`computed-predicted` and, of a shipped surrogate, `reconstructions`, as PNG and SVG."""
    run = Path(name_or_run)
    if run.is_dir():
        figures = {"computed-predicted": computed_against_predicted(*predictions(run, last_round(run)))}
    else:
        from surrogate import Surrogate

        surrogate, test = Surrogate.load(name_or_run), labels_of(name_or_run, ["test"])
        mean, std = surrogate.predict(surrogate.encode(test.structures))
        figures = {
            "computed-predicted": computed_against_predicted(test.anchors, mean, std),
            "reconstructions": reconstructions(name_or_run),
        }
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    for path in written:
        figures[path.stem].savefig(path, dpi=130)
    return written
