"""How errors of the shipped surrogate grow with novelty: structures that are none of its family, simulated.

    python -m studies.benchmarks.novelty [--store FILE] [--workers N] [--write]

Structures of 320 nm by elements, of kinds that a user may have and the surrogate has not seen: textures turned by 45
and 90 degrees, grains finer and coarser than any it was trained on, columns, two textures in one magnet, two fibres;
and fresh draws of the family as a control. Each error is counted in predicted standard deviations without the widening
by novelty, and with it. `--write` puts the table that tests and `surrogate.novelty` go by into novelty.csv beside this
file.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from simulation import (
    ANCHORS,
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Purpose,
    StructureFamily,
    label_all,
    voronoi,
)
from simulation.execution.executors import local
from simulation.files import write_text
from simulation.labels.label import Job
from simulation.sampling import generator
from studies.script import command
from surrogate import Surrogate

STORE = Path("runs/benchmarks/novelty.sqlite")
TABLE = Path(__file__).with_name("novelty.csv")
SIZE_NM, CELL_NM, CELLS = 320.0, 2.0, 160
EACH = 4
FAMILY = "family"
LEAST, MOST = 0.8, 1.2
"""Root mean square of the errors outside that the widening has to hold, in standard deviations."""


def _textured(grains: int, degrees: float, turned_deg: float) -> Callable[[np.random.Generator], Microstructure]:
    def draw(rng: np.random.Generator) -> Microstructure:
        drawn = voronoi(SIZE_NM, CELL_NM, grains, math.radians(degrees), rng)
        return Microstructure(drawn.grain_id, drawn.grain_angle_rad + math.radians(turned_deg), CELL_NM)

    return draw


def _columns(along_y: bool) -> Callable[[np.random.Generator], Microstructure]:
    """Grains four times as long as wide."""

    def draw(rng: np.random.Generator) -> Microstructure:
        drawn = voronoi(SIZE_NM, CELL_NM, 256, math.radians(60), rng)
        long = np.repeat(drawn.grain_id[: CELLS // 4], 4, axis=0)
        return Microstructure(long if along_y else long.T, drawn.grain_angle_rad, CELL_NM)

    return draw


def _halves(rng: np.random.Generator) -> Microstructure:
    """Well aligned in the left half, isotropic in the right one."""
    drawn = voronoi(SIZE_NM, CELL_NM, 96, math.pi, rng)
    middle = np.bincount(drawn.grain_id.ravel(), np.tile(np.arange(CELLS), CELLS)) / np.bincount(drawn.grain_id.ravel())
    angle = np.where(middle < CELLS / 2, 0.05 * drawn.grain_angle_rad, drawn.grain_angle_rad)
    return Microstructure(drawn.grain_id, angle, CELL_NM)


def _fibres(rng: np.random.Generator) -> Microstructure:
    """Every axis near +40 or near -40 degrees."""
    drawn = voronoi(SIZE_NM, CELL_NM, 96, math.radians(8), rng)
    side = rng.choice([-1, 1], size=len(drawn.grain_angle_rad))
    return Microstructure(drawn.grain_id, drawn.grain_angle_rad + side * math.radians(40), CELL_NM)


KINDS: dict[str, Callable[[np.random.Generator], Microstructure]] = {
    **{f"turned by 90, {degrees} degrees": _textured(64, degrees, 90) for degrees in (10, 30, 60, 90)},
    **{f"turned by 45, {degrees} degrees": _textured(64, degrees, 45) for degrees in (10, 40)},
    **{f"turned by 20, {degrees} degrees": _textured(64, degrees, 20) for degrees in (10, 40)},
    **{f"600 grains, {degrees} degrees": _textured(600, degrees, 0) for degrees in (30, 120)},
    **{f"5 grains, {degrees} degrees": _textured(5, degrees, 0) for degrees in (30, 120)},
    "columns along the field": _columns(True),
    "columns across the field": _columns(False),
    "two halves": _halves,
    "two fibres": _fibres,
}


def structures() -> Iterator[tuple[str, Microstructure]]:
    """Every kind and its structures; four times as many of the family."""
    family = StructureFamily()
    for index in range(4 * EACH):
        yield FAMILY, family.draw(0, Purpose.BENCHMARK, 700 + index)
    for number, (kind, draw) in enumerate(KINDS.items()):
        for index in range(EACH):
            yield kind, draw(generator(0, Purpose.BENCHMARK, 800 + EACH * number + index))


def simulated(drawn: list[Microstructure], store: LabelStore, workers: int | None) -> np.ndarray:
    """(n, 6) anchor points, NaN where a curve is not to be used."""
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"))
    if workers != 0:
        with local(workers) as engine:
            for _ in label_all(drawn, conditions, store, engine):
                pass
    found = [store.get(Job.of(structure, conditions).key) for structure in drawn]
    nothing = np.full(len(ANCHORS), np.nan)
    return np.array([label.anchors.as_array() if label and label.converged else nothing for label in found])


def judged(kinds: Sequence[str], drawn: list[Microstructure], anchors: np.ndarray) -> pd.DataFrame:
    """A row a structure: its novelty, and its errors in standard deviations before and after these were widened."""
    model = Surrogate.load("nd2fe14b-elements")
    (mean, before), (_, after) = model.predict(model.encode(drawn)), model.predict(drawn)
    table = pd.DataFrame({"kind": kinds, "novelty": model.novelty(drawn)})
    for name, std in (("_before", before), ("", after)):
        ratio = np.abs(mean - anchors) / std
        table[f"rms{name}"] = np.sqrt(np.nanmean(ratio**2, axis=1))
        table[f"largest{name}"] = np.nanmax(ratio, axis=1)
    return table


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate what the store lacks and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", type=Path, default=STORE, help=f"label store (default {STORE})")
    parser.add_argument("--workers", type=int, default=None, help="processes (default one a core), 0: only report")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    options = parser.parse_args(arguments)
    kinds, drawn = zip(*structures(), strict=True)
    with LabelStore(options.store) as store:
        anchors = simulated(list(drawn), store, options.workers)
    table = judged(kinds, list(drawn), anchors)
    if options.write:
        write_text(TABLE, table.to_csv(index=False, float_format="%.4g"))
    square = table.assign(rms=table["rms"] ** 2, rms_before=table["rms_before"] ** 2)
    means = square.groupby("kind", sort=False).agg(
        {"novelty": "mean", "rms_before": "mean", "largest_before": "max", "rms": "mean", "largest": "max"}
    )
    means[["rms_before", "rms"]] **= 0.5
    print(means.to_string(float_format=lambda value: f"{value:.2f}"))
    outside = table[table["novelty"] > 1]
    rms = float(np.sqrt(np.square(outside["rms"]).mean()))
    print(
        f"\n{len(outside)} of {len(table)} outside; their errors, in standard deviations: {rms:.2f} in the mean square"
    )
    return 0 if LEAST <= rms <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
