"""The numbers and figures of the label sets' card, from the shipped files.

    python -m studies.nd2fe14b.card [--store runs/nd2fe14b/scatter.sqlite]

Writes the tables of README.md, between its marks, and the figures beside it. The tables of scatter and of fidimag need
the store that `python -m studies.nd2fe14b.scatter` makes; without --store they stay as they are. What is said of
free spins, with a section of the page and a figure (plane.png), is written where nd2fe14b-free.npz is there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from simulation import ANCHORS, Conditions, InputError, LabelStore, load_labels
from simulation.files import write_text
from simulation.labels.sets import LabelSet
from studies.nd2fe14b.figures import BANDS, draw_anchors, draw_difference, mean_grain_nm, save
from studies.nd2fe14b.pack import SETS, in_words, shipped
from studies.nd2fe14b.scatter import CHANGES, REFERENCE, UNCHANGED, anchors_of, moves, reference_jobs
from studies.script import command

FOLDER = Path(__file__).parent
COUNT = 4000
MOVED = 0.01
"""Of a coercive field, in H_A: a step of the sweep."""
GRAIN_EDGES_NM = (0.0, 22.0, 26.0, 32.0, 45.0, 1000.0)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sets_table(sets: dict[str, LabelSet]) -> str:
    """What each set is and whether its curves converged."""
    rows = []
    for name, found in sets.items():
        solver = Conditions.from_json(found.conditions)
        counts = [f"{value:,.0f}" for value in np.percentile(found.evaluations, (50, 95, 100))]
        settings = solver.settings
        version, tolerance = str(settings["version"]), f"{settings['tolerance']:g}"
        if "free_version" in settings:
            version += f", free {settings['free_version']}"
        size_mb = (FOLDER / f"{SETS[name]}.npz").stat().st_size / 1e6
        converged, fields = f"{len(found.index):,} of {COUNT:,}", f"{len(found.m):,}"
        rows.append(
            [f"`{SETS[name]}`", in_words(name), version, tolerance, converged, *counts, fields, f"{size_mb:.2f}"],
        )
    heads = ("set", "discretisation", "solver version", "tolerance", "curves converged", "evaluations: median", "95 %")
    return markdown((*heads, "most", "fields in all", "MB"), rows)


def anchors_table(tables: dict[str, pd.DataFrame]) -> str:
    """How the anchors are distributed."""
    rows = []
    for anchor in ANCHORS:
        for name, table in tables.items():
            values = np.percentile(table[anchor], (0, 5, 50, 95, 100))
            rows.append([anchor, name, *(f"{value:.3f}" for value in values)])
    return markdown(("anchor", "set", "least", "5 %", "median", "95 %", "most"), rows)


def parts_of(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Anchors after minus before, of the labels that both tables have, by mean grain size and by misorientation."""
    both = before.index.intersection(after.index)
    grain_nm = mean_grain_nm(before.loc[both])
    degrees = np.degrees(before.loc[both, "misorientation_rad"].to_numpy())
    difference = after.loc[both, list(ANCHORS)] - before.loc[both, list(ANCHORS)]
    parts = {}
    for low, high in pairwise(GRAIN_EDGES_NM):
        name = f"grains of {max(low, 20):.0f} to {min(high, 80):.0f} nm"
        parts[name] = difference[(grain_nm >= low) & (grain_nm < high)]
    for band, low, high, _ in BANDS:
        parts[f"misorientation {band}"] = difference[(degrees >= low) & (degrees < high)]
    return {**parts, "all": difference}


def difference_table(cells: pd.DataFrame, elements: pd.DataFrame) -> str:
    """Median of elements minus cells by mean grain size and by misorientation, and the mean size of the difference."""
    parts = parts_of(cells, elements)
    difference = parts["all"]
    rows = [_median_row(name, part) for name, part in parts.items()]
    sizes = (f"{value:.4f}" for value in difference.abs().mean())
    rows.append(["all, mean size of the difference", f"{len(difference):,}", *sizes])
    return markdown(("structures", "number", *ANCHORS), rows)


def plane_table(planar: pd.DataFrame, free: pd.DataFrame) -> str:
    """What the plane costs: median and 95th percentile of |free - planar|, and how many fields it moves at all."""
    rows = []
    for name, part in parts_of(planar, free).items():
        off = part.abs()
        moved = f"{(off['Hc'] > MOVED).mean():.0%}" if len(off) else "-"
        spread = [f"{off[a].median():.4f}, {off[a].quantile(0.95):.4f}" for a in ANCHORS] if len(off) else ["-"] * 6
        rows.append([name, f"{len(off):,}", moved, *spread])
    return markdown(("structures", "number", f"Hc moved by more than {MOVED:g}", *ANCHORS), rows)


def _median_row(name: str, part: pd.DataFrame) -> list[str]:
    return [name, f"{len(part):,}", *(f"{value:+.4f}" for value in part.median())]


def spread_rows(name: str, moved: np.ndarray) -> list[list[str]]:
    """Mean, median, 95th percentile and largest of (n, 6) differences, a line each; none of no differences."""
    if not len(moved):
        return []
    statistics: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
        ("mean", lambda x: x.mean(axis=0)),
        ("median", lambda x: np.median(x, axis=0)),
        ("95 %", lambda x: np.percentile(x, 95, axis=0)),
        ("largest", lambda x: x.max(axis=0)),
    )
    return [[name, str(len(moved)), word, *(f"{v:.5f}" for v in of(moved))] for word, of in statistics]


def scatter_table(discretization: str, store: LabelStore) -> str:
    """How far labels move under each change, and under mirroring as a whole."""
    found = {change.name: moves(change, discretization, store) for change in CHANGES}
    mirrored = np.concatenate([moved for name, moved in found.items() if name.startswith("mirrored")])
    rows = [row for name, moved in found.items() for row in spread_rows(name, moved)[:1]]
    rows += spread_rows("mirrored, all three", mirrored)
    rows += spread_rows(CHANGES[-1].name, found[CHANGES[-1].name])[1:]
    return markdown(("change", "labels", "difference", *ANCHORS), rows)


def fidimag_table(store: LabelStore, kinds: Iterable[str]) -> str:
    """Our anchors on the structures that fidimag has simulated."""
    theirs = load_labels(REFERENCE)[list(ANCHORS)].to_numpy(float)
    rows = []
    for name in kinds:
        ours = anchors_of(reference_jobs(), UNCHANGED.conditions(name), store)
        off = np.abs(ours - theirs)
        rows += spread_rows(name, off[~np.isnan(off).any(axis=1)])
    return markdown(("discretisation", "curves", "difference from fidimag", *ANCHORS), rows)


SECTIONS = {
    "plane": (
        "## How far a label can be trusted",
        """## What the plane costs

The first two sets keep the magnetisation in the plane, as the paper does. Real spins leave it where that is unstable:
the wall turns through the axis of the prism, where it carries no charges. `nd2fe14b-free` are the same structures by
elements with spins that may (`labels: {discretization: elements, spins: free}`).

![Free minus planar spins for each anchor point against the mean grain size](plane.png)

Median and 95th percentile of the size of the difference between free and planar spins, both by elements, in Ms and H_A,
and the share of the structures whose Hc moves by more than a field step:

<!-- plane -->
<!-- end -->

""",
    ),
    "scatter, free": (
        "## Agreement with fidimag",
        "and by elements with free spins:\n\n<!-- scatter, free -->\n<!-- end -->\n\n",
    ),
}
"""What the page gets, and before which heading, with the first block of a name that it has no place for."""


def with_places(page: str, names: Iterable[str]) -> str:
    """A page with the section of each block that has one and no place yet."""
    for name in names:
        if name in SECTIONS and f"<!-- {name} -->" not in page:
            heading, section = SECTIONS[name]
            before, found, after = page.partition(heading)
            if not found:
                raise InputError(f"the card has no heading {heading!r} for {name}")
            page = f"{before}{section}{found}{after}"
    return page


def fill(page: str, blocks: dict[str, str]) -> str:
    """A page with what stands between the marks `<!-- NAME -->` and `<!-- end -->` replaced, for each block.

    Raises:
        InputError: if a block has no such place.
    """
    for name, block in blocks.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not (mark and end):
            raise InputError(f"the card has no place for {name}")
        page = f"{before}{mark}\n{block}\n\n{end}{after}"
    return page


def blocks_of(sets: dict[str, LabelSet]) -> dict[str, str]:
    """The tables that need the shipped files only."""
    tables = {name: found.frame() for name, found in sets.items()}
    found = {"sets": sets_table(sets), "anchors": anchors_table(tables)}
    if {"cells", "elements"} <= tables.keys():
        found["difference"] = difference_table(tables["cells"], tables["elements"])
    if {"elements", "free"} <= tables.keys():
        found["plane"] = plane_table(tables["elements"], tables["free"])
    return found


@command
def main(arguments: list[str] | None = None) -> int:
    """Write the tables and the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", type=Path, help="label store of the scatter")
    options = parser.parse_args(arguments)
    sets = shipped()
    blocks = blocks_of(sets)
    if options.store:
        with LabelStore(options.store, read_only=True) as store:
            blocks |= {f"scatter, {name}": scatter_table(name, store) for name in sets}
            blocks["fidimag"] = fidimag_table(store, sets)
    page = FOLDER / "README.md"
    write_text(page, fill(with_places(page.read_text(encoding="utf-8"), blocks), blocks))
    tables = {name: found.frame() for name, found in sets.items()}
    save(draw_anchors(tables), FOLDER / "anchors.png")
    save(draw_difference(tables["cells"], tables["elements"], "elements − cells"), FOLDER / "difference.png")
    if "free" in tables:
        save(draw_difference(tables["elements"], tables["free"], "free − planar spins"), FOLDER / "plane.png")
    print(f"wrote {page} and the figures beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
