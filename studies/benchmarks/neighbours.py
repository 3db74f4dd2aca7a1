"""Structures of 320 nm, simulated in full, each with the shipped surrogate's prediction and its nearest labels.

- label: those of the test split, which trained nothing and are not among the nearest labels; not simulated again;
- one grain, all axes: training labels with one grain's axis turned, or all of them by Gaussian angles of 0.5 to 20
  degrees rms;
- steered, decoded, turned, drawn: what `propose` makes of targets, curves of labels that no other label comes near; the
  label itself is left out.

`python -m studies.benchmarks.posterior` has them simulated and says what they tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from inverse_design.candidates.candidate import DECODED, DRAWN, SOURCES, STEERED, TURNED, BatchRequest, Known
from inverse_design.candidates.error_model import (
    LENGTHS,
    PERSISTENCE_NOISE,
    PERSISTENT,
    Discrepancy,
    Neighbours,
    Posterior,
    condition,
    correlation,
)
from inverse_design.candidates.propose import propose
from inverse_design.candidates.sources import ROTATIONS_RAD, rotate_one_grain
from inverse_design.search.genetic import search
from inverse_design.search.problem import LatentProblem
from simulation import LabelStore, Microstructure, Purpose
from simulation.arrays import read_npz
from simulation.execution.executors import local
from simulation.files import replacing
from simulation.labels.sets import SPLITS, load_label_set
from simulation.sampling import generator
from studies.benchmarks.bench import GENERATIONS, POPULATION, ROUND_DRAWS, SURROGATE, Bench
from studies.benchmarks.decoding import isolated

DATA, STORE = Path(__file__).with_name("neighbours.npz"), "neighbours.sqlite"
SEED = 20261126
TESTED = 60
LABEL, ONE_GRAIN, ALL_AXES = "label", "one grain", "all axes"
RMS_DEG = (0.5, 20.0)
COUNTS = {STEERED: 4, DECODED: 3, TURNED: 2, DRAWN: 2}
"""Candidates of each source for a target."""

OUTLIERS, WIDE = 0.05, 10.0
"""Share of structures that may miss by so many standard deviations: an aligned magnet with one grain turned across
loses half its coercive field, which no correction foresees, and a few of those would decide every fit."""

Kernel = Callable[[np.ndarray], np.ndarray]

Children = list[tuple[str, Microstructure]]
"""Structures with the kind of each."""


@dataclass(frozen=True, eq=False)
class Group:
    """Structures that are made from one.

    Attributes:
        name: of the group.
        children: the structures.
        hidden: row of the label that must not be known; -1 if there is none.
        anchors: (n, 6), if they are known already.
    """

    name: str
    children: Children
    hidden: int = -1
    anchors: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """n structures, their predictions, simulations and nearest labels.

    Attributes:
        kind, group: (n,) how it was made, and the parent or target it was made from.
        predicted, std, simulated: (n, 6) anchors.
        distance, pairwise_distance, errors, persist_mean: the arrays of `Neighbours`.
        label: (n,) index of the nearest label.
    """

    kind: np.ndarray
    group: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    simulated: np.ndarray
    distance: np.ndarray
    pairwise_distance: np.ndarray
    errors: np.ndarray
    persist_mean: np.ndarray
    label: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Measured:
        return Measured(*(values[rows] for values in vars(self).values()))

    def posterior(
        self,
        lengths: np.ndarray = LENGTHS,
        persistence_noise: float = PERSISTENCE_NOISE,
        persistent: np.ndarray = PERSISTENT,
        kernel: Kernel = correlation,
    ) -> Posterior:
        """What the engine would expect with these constants."""
        around = Neighbours(self.distance, self.pairwise_distance, self.errors, self.persist_mean)
        return condition(around, self.predicted, self.std, lengths, persistence_noise, persistent, kernel)

    def log_score(self, posterior: Posterior) -> np.ndarray:
        """(n, 6) log density of what was simulated."""
        with np.errstate(divide="ignore"):
            persists = np.log(posterior.persist_probability) + norm.logpdf(
                self.simulated, posterior.persist_mean, np.maximum(posterior.persist_std, 1e-6)
            )
            changes = np.log1p(-posterior.persist_probability) + norm.logpdf(
                self.simulated, posterior.change_mean, posterior.change_std
            )
        wide = norm.logpdf(self.simulated, self.predicted, WIDE * self.std)
        return np.logaddexp(np.log1p(-OUTLIERS) + np.logaddexp(persists, changes), np.log(OUTLIERS) + wide)

    @property
    def model_optimized(self) -> np.ndarray:
        """(n,) whether it was made for its prediction, so that `OPTIMISM` holds."""
        return np.isin(self.kind, (STEERED, DECODED))

    @property
    def number(self) -> np.ndarray:
        """(n,) of the group, from 0 on."""
        return np.unique(self.group, return_inverse=True)[1]


def children_of(bench: Bench, row: int, number: int) -> Children:
    """A label with one grain's axis turned, and with all of them turned, three times."""
    parent, rng = bench.structures[row], generator(SEED, Purpose.BENCHMARK, 1, number)
    one = rotate_one_grain(parent, ROTATIONS_RAD)
    children = [(ONE_GRAIN, one[rng.integers(len(one))])]
    for _ in range(3):
        rms_rad = np.radians(np.exp(rng.uniform(*np.log(RMS_DEG))))
        angles = parent.grain_angle_rad + rng.normal(0, rms_rad, parent.grain_angle_rad.size)
        children.append((ALL_AXES, Microstructure(parent.grain_id, angles, parent.cell_nm)))
    return children


def groups(bench: Bench, names: list[str]) -> Iterator[Group]:
    """Groups of structures by name: "test 0", "parent 0", "target 0" .."""
    labels = load_label_set(SURROGATE)
    test = np.flatnonzero(labels.split == SPLITS.index("test"))
    parents = generator(SEED, Purpose.BENCHMARK, 0).permutation(len(bench.structures))
    targets = isolated(bench, len(bench.structures))
    choice = generator(SEED, Purpose.BENCHMARK, 2).permutation(len(targets))
    draws = [bench.family.draw(SEED, Purpose.BENCHMARK, i) for i in range(ROUND_DRAWS)]
    drawn_codes = bench.model.encode(draws)
    for name in names:
        what, number = name.split()
        if what == "test":
            row = test[int(number)]
            yield Group(name, [(LABEL, labels.structure(int(labels.index[row])))], anchors=labels.anchors[row][None])
        elif what == "parent":
            yield Group(name, children_of(bench, parents[int(number)], int(number)))
        else:
            row, target = targets[choice[int(number)]]
            keep = np.arange(len(bench.structures)) != row
            structures = [
                structure for structure, persists in zip(bench.structures, keep, strict=True) if persists
            ] + draws
            codes = np.vstack([bench.codes[keep], drawn_codes])
            known = Known.of(structures, codes, bench.anchors[keep])
            problem = LatentProblem(target.goals, bench.model.predict, bench.plausibility)
            visited = search(problem, codes, "nsga2", POPULATION, GENERATIONS, seed=int(number)).visited
            requests = [BatchRequest(target.goals, COUNTS[source], sources=(source,)) for source in SOURCES]
            children = [
                (request.sources[0], candidate.structure)
                for request in requests
                for candidate in propose(bench.model, request, visited, known)
            ]
            yield Group(name, children, hidden=row)


def measure(bench: Bench, group: Group) -> Measured:
    """Simulate structures and look at the nearest labels but the hidden one; what did not converge is left out."""
    shown = np.flatnonzero(np.arange(len(bench.codes)) != group.hidden)
    guess = bench.model.predict(bench.codes)[0]
    known = Discrepancy.of(bench.codes[shown], bench.anchors[shown], guess[shown])
    kinds, structures = zip(*group.children, strict=True)
    codes = bench.model.encode(structures)
    around = known.around(codes)
    nearest = (bench.anchors[shown] == around.persist_mean[:, None]).all(axis=2).argmax(axis=1)
    labels = load_label_set(SURROGATE)
    index = labels.index[labels.split != SPLITS.index("test")][shown[nearest]]
    mean, std = bench.model.predict(codes)
    simulated = bench.simulate(structures) if group.anchors is None else group.anchors
    arrays = {"predicted": mean, "std": std, "simulated": simulated, **vars(around)}
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    found = Measured(np.array(kinds), np.full(len(kinds), group.name), label=index, **single)
    return found[np.isfinite(simulated).all(axis=1)]


def simulated(names: list[str], data: Path, work: Path, workers: int | None = None) -> Measured:
    """What the file of data holds, after the groups that it lacks were simulated; it is written after each."""
    found = [Measured(**read_npz(data, Measured.__dataclass_fields__))] if data.exists() else []
    missing = [name for name in names if not found or name not in found[0].group]
    if not missing:
        return found[0]
    work.mkdir(parents=True, exist_ok=True)
    with LabelStore(work / STORE) as store, local(workers) as engine:
        bench = Bench(store, engine)
        for group in groups(bench, missing):
            found.append(measure(bench, group))
            found = [Measured(*(np.concatenate(same) for same in zip(*(vars(f).values() for f in found), strict=True)))]
            with replacing(data) as partial:
                np.savez_compressed(partial, **vars(found[0]))
            print(f"{group.name}: {len(found[0].kind)} structures", file=sys.stderr, flush=True)
    return found[0]
