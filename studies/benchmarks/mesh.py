"""How far from converged with the mesh: Hc and Mr by cells and by elements on finer and finer cells.

    python -m studies.benchmarks.mesh [--structures N] [--store FILE] [--picture FILE] [--workers N]
    python -m studies.benchmarks.mesh --fidimag [--structures N | --references ID ...] [--store FILE]
    python -m studies.benchmarks.mesh --boundary [--structures N] [--store FILE] [--workers N]

36 structures of 80 and 160 nm, mean grain sizes of 5 to 40 nm, misorientations of 15 to 165 degrees, drawn on cells of
2 nm and refined without a change of their grains. The limit that deviations are measured from is that of elements on
cells of 0.5 nm. Ends with exit code 1 if elements on cells of 2 nm miss a goal. Every curve is a row of the label
store: a run that was killed goes on where it was.

With `--fidimag`, which needs that solver, deviations are those from fidimag on cells of 1 nm, and the goal of elements
on cells of 2 nm is to deviate less than fidimag does there. `--references 12 13` takes structures of the shipped set
nd2fe14b-fidimag instead, 320 nm wide.

With `--boundary` the structures are 18 squares of 80 nm with layers of 2, 4 and 6 nm between their grains: voids, and
phases of 0.5 and 1 T with A of 5 pJ/m and no anisotropy. There is one table for each thickness, and one for all.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulation import (
    Conditions,
    FieldSweep,
    Label,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Phase,
    Purpose,
    label_all,
    load_structures,
    voronoi,
)
from simulation.backends.fidimag import load_fidimag
from simulation.execution.executors import local
from simulation.labels.label import Job
from simulation.sampling import generator
from studies.script import command

CELL_NM = 2.0
GRAIN_NM = np.geomspace(5.0, 40.0, 6)
MISORIENTATION_DEG = (15.0, 45.0, 75.0, 105.0, 135.0, 165.0)
REFERENCES = "nd2fe14b-fidimag"
STORE, PICTURE = Path("runs/benchmarks/mesh.sqlite"), Path("studies/pictures/mesh.png")


@dataclass(frozen=True)
class Mesh:
    """A discretisation on cells that are CELL_NM / `factor` wide, and whose it is."""

    discretization: str
    factor: int
    backend: str = "planar"

    @property
    def name(self) -> str:
        solver = "" if self.backend == "planar" else f"{self.backend}'s "
        return f"{solver}{self.discretization}, {CELL_NM / self.factor:.2g} nm"

    @property
    def conditions(self) -> Conditions:
        return Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), self.backend, self.discretization)


LIMIT = Mesh("elements", 4)
BOUNDARY_NM, BOUNDARY_JS_T, BOUNDARY_A_J_PER_M = (2.0, 4.0, 6.0), (0.0, 0.5, 1.0), 5e-12
MESHES = (Mesh("cells", 1), Mesh("cells", 2), Mesh("cells", 3), Mesh("elements", 1), Mesh("elements", 2))
FIDIMAG_LIMIT = Mesh("cells", 2, "fidimag")
FIDIMAG_MESHES = (Mesh("cells", 1, "fidimag"), Mesh("cells", 1), Mesh("cells", 2), Mesh("elements", 1))


def structures() -> list[Microstructure]:
    """The structures, small squares and large ones mixed, in an order of which every beginning spans the ranges."""
    drawn: list[Microstructure] = []
    for i, grain_nm in enumerate(GRAIN_NM):
        for j, degrees in enumerate(MISORIENTATION_DEG):
            size_nm = 160.0 if (i + j) % 3 == 0 else 80.0
            rng = generator(0, Purpose.BENCHMARK, 100 + len(drawn))
            drawn.append(voronoi(size_nm, CELL_NM, round((size_nm / grain_nm) ** 2), math.radians(degrees), rng))
    return [drawn[k * 7 % len(drawn)] for k in range(len(drawn))]


def with_boundaries() -> list[Microstructure]:
    """Structures with a second phase between their grains, each thickness twice with each phase, in turn."""
    drawn: list[Microstructure] = []
    for number in range(2):
        for js_T in BOUNDARY_JS_T:
            for thickness_nm in BOUNDARY_NM:
                rng = generator(0, Purpose.BENCHMARK, 200 + len(drawn))
                grains = voronoi(80.0, CELL_NM, (9, 16)[number], math.radians(60.0), rng)
                drawn.append(grains.with_boundary(thickness_nm, Phase(BOUNDARY_A_J_PER_M, js_T)))
    return drawn


def simulate(chosen: list[Microstructure], meshes: tuple[Mesh, ...], store: LabelStore, workers: int) -> None:
    """Simulate on every mesh what the store does not have, the quickest first."""
    with local(workers) as engine:
        for mesh in sorted(meshes, key=lambda mesh: mesh.factor):
            jobs = [structure.refine(mesh.factor) for structure in chosen]
            for n, label in enumerate(label_all(jobs, mesh.conditions, store, engine), 1):
                print(f"{mesh.name}: {n} of {len(jobs)}  {label.reason}", file=sys.stderr, flush=True)


def found(chosen: list[Microstructure], meshes: tuple[Mesh, ...], store: LabelStore) -> dict[Mesh, list[Label]]:
    """The labels of each mesh, of the structures that every mesh converged for."""
    labels = {
        mesh: [store.get(Job.of(structure.refine(mesh.factor), mesh.conditions).key) for structure in chosen]
        for mesh in meshes
    }
    whole = [all(row) and all(label.converged for label in row if label) for row in zip(*labels.values(), strict=True)]
    return {mesh: [a for a, b in zip(row, whole, strict=True) if a and b] for mesh, row in labels.items()}


def deviations(labels: dict[Mesh, list[Label]], mesh: Mesh, anchor: str, limit: Mesh = LIMIT) -> np.ndarray:
    """|anchor - that of the limit|, one a structure."""
    pairs = zip(labels[mesh], labels[limit], strict=True)
    return np.array([abs(getattr(a.anchors, anchor) - getattr(b.anchors, anchor)) for a, b in pairs])


def table(labels: dict[Mesh, list[Label]], limit: Mesh) -> str:
    """Deviations and cost of each mesh, in Markdown."""
    statistics = ("mean", "median", "95 %", "largest")
    heads = ("mesh", *(f"{anchor}: {name}" for anchor in ("Mr", "Hc") for name in statistics), "evaluations", "seconds")
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for mesh in labels:
        row = [mesh.name]
        for anchor in ("Mr", "Hc"):
            off = deviations(labels, mesh, anchor, limit)
            row += [f"{value:.4f}" for value in (off.mean(), np.median(off), np.percentile(off, 95), off.max())]
        row.append(f"{np.median([label.evaluations for label in labels[mesh]]):.0f}")
        row.append(f"{np.median([label.wall_s for label in labels[mesh]]):.2f}")
        lines.append(" | ".join(row))
    return "\n".join(f"| {line} |" for line in lines)


def by_thickness(labels: dict[Mesh, list[Label]], limit: Mesh) -> str:
    """The table of each thickness of the boundary."""
    thickness = np.array([label.microstructure().boundary_nm for label in labels[limit]])
    parts = []
    for nm in np.unique(thickness):
        rows = np.flatnonzero(thickness == nm)
        some = {mesh: [found[i] for i in rows] for mesh, found in labels.items()}
        parts.append(f"\n{len(rows)} with boundaries of {nm:g} nm\n\n{table(some, limit)}")
    return "\n".join(parts)


def goals(labels: dict[Mesh, list[Label]]) -> list[tuple[str, bool]]:
    """What elements on cells of 2 nm should reach, each as a sentence and whether it is met."""
    rows = []
    for anchor, share, most in (("Hc", 50, 0.005), ("Hc", 95, 0.02), ("Mr", 50, 0.002)):
        off = float(np.percentile(deviations(labels, MESHES[3], anchor), share))
        sentence = f"{MESHES[3].name}: {share} % deviate by less than {off:.4f} in {anchor}, goal {most}"
        rows.append((sentence, off <= most))
    return rows


def fidimag_goals(labels: dict[Mesh, list[Label]]) -> list[tuple[str, bool]]:
    """Whether elements on cells of 2 nm agree better with fidimag on finer cells than fidimag on theirs does."""
    elements, fidimag = FIDIMAG_MESHES[3], FIDIMAG_MESHES[0]
    rows = []
    for anchor in ("Hc", "Mr"):
        off, theirs = (float(deviations(labels, mesh, anchor, FIDIMAG_LIMIT).mean()) for mesh in (elements, fidimag))
        sentence = (
            f"{elements.name}: {off:.4f} off in {anchor} in the mean, goal less than {fidimag.name}, {theirs:.4f}"
        )
        rows.append((sentence, off < theirs))
    return rows


def draw(labels: dict[Mesh, list[Label]]) -> Figure:
    """Hc on cells of 2 nm over its limit, and how many structures deviate by how much at most."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_pairs(left, labels)
    _draw_shares(right, labels)
    return figure


def _draw_pairs(axes: Axes, labels: dict[Mesh, list[Label]]) -> None:
    limit = np.array([label.anchors.Hc for label in labels[LIMIT]])
    for mesh, marker, color in ((MESHES[0], "s", "#c05a12"), (MESHES[3], "o", "#1f5f99")):
        hc = [label.anchors.Hc for label in labels[mesh]]
        axes.plot(limit, hc, marker, color=color, markersize=5, markerfacecolor="none", label=mesh.name)
    ends = [0.0, 1.05 * max(axes.get_xlim()[1], axes.get_ylim()[1])]
    axes.plot(ends, ends, color="#888888", linewidth=0.8, zorder=0)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel(f"coercive field in the limit of fine cells, $H_c/H_A$\n({LIMIT.name})")
    axes.set_ylabel("coercive field, $H_c/H_A$")
    axes.legend(frameon=False)


def _draw_shares(axes: Axes, labels: dict[Mesh, list[Label]]) -> None:
    styles = (("#c05a12", "-"), ("#c05a12", "--"), ("#c05a12", ":"), ("#1f5f99", "-"), ("#1f5f99", "--"))
    for mesh, (color, line) in zip(MESHES, styles, strict=True):
        off = np.sort(deviations(labels, mesh, "Hc"))
        share = 100 * np.arange(1, off.size + 1) / off.size
        axes.step(np.maximum(off, 1e-5), share, where="post", color=color, linestyle=line, label=mesh.name)
    axes.set_xscale("log")
    axes.set(xlim=(1e-4, 0.5), ylim=(0, 100))
    axes.set_xlabel("deviation of the coercive field from the limit, $H_A$")
    axes.set_ylabel("structures that deviate by less, %")
    axes.legend(frameon=False, loc="lower right", fontsize=8)


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--structures", type=int, default=len(structures()), help="only so many of them")
    parser.add_argument("--references", type=int, nargs="+", metavar="ID", help=f"squares of {REFERENCES} instead")
    parser.add_argument("--fidimag", action="store_true", help="deviations from fidimag on cells of 1 nm")
    parser.add_argument("--boundary", action="store_true", help="structures with a second phase between their grains")
    parser.add_argument("--store", type=Path, default=STORE, help=f"label store (default {STORE})")
    parser.add_argument("--picture", type=Path, default=PICTURE, help=f"PNG to write (default {PICTURE})")
    parser.add_argument("--workers", type=int, default=None, help="processes (default one a core), 0: only report")
    options = parser.parse_args(arguments)
    if options.fidimag:
        load_fidimag()  # says that it is missing before an hour of the other solver's curves
    chosen = (with_boundaries if options.boundary else structures)()[: options.structures]
    if options.references:
        chosen = load_structures(REFERENCES, options.references)
    meshes, limit = (FIDIMAG_MESHES, FIDIMAG_LIMIT) if options.fidimag else (MESHES, LIMIT)
    with LabelStore(options.store) as store:
        if options.workers != 0:
            simulate(chosen, (*meshes, limit), store, options.workers)
        labels = found(chosen, (*meshes, limit), store)
    if not labels[limit]:
        print("no structure has been simulated on every mesh yet", file=sys.stderr)
        return 2
    print(f"{len(labels[limit])} of {len(chosen)} structures, deviations from {limit.name}\n\n{table(labels, limit)}")
    if options.boundary:
        print(by_thickness(labels, limit))
    elif not options.fidimag:
        draw(labels).savefig(options.picture, dpi=150)
    reached = fidimag_goals(labels) if options.fidimag else goals(labels)
    print("\n" + "\n".join(f"{sentence}: {'met' if met else 'missed'}" for sentence, met in reached))
    return 0 if all(met for _, met in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
