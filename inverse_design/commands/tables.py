"""What the command line says of a study and of a run: plan, progress, closing table, accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from inverse_design.candidates.candidate import KNOWN
from inverse_design.goals import UNITS, Goal
from inverse_design.run.folder import MANIFEST, read_artifact, read_manifest, work_in_words
from inverse_design.run.keys import Stage, labels_key
from inverse_design.run.seconds import StageTimes
from inverse_design.study.reading import load_study
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.errors import InputError

if TYPE_CHECKING:
    from inverse_design.run.design import Design
    from inverse_design.run.verified import Verified


def describe(study: Study) -> list[str]:
    """What running a study would do, a line a stage."""
    family, part, rule = study.family, study.surrogate, study.verification
    sweep = study.field_sweep
    low, high = study.microstructures.misorientation_deg
    free = ", free spins" if study.labels.spins == "free" else ""
    until = "the coercive field" if sweep.until else f"{sweep.stop:g} H_A"
    return [
        f"{study.name}: valid",
        f"  structures: {family.size_nm:g} nm squares of {family.cells} x {family.cells} cells, "
        f"{family.grains[0]} to {family.grains[1]} grains, misorientation {low:g} to {high:g} degrees",
        f"  labels: {study.labels.count} curves by {study.labels.backend} ({study.labels.discretization}{free}), "
        f"{sweep.start:g} H_A to {until} in steps of {sweep.step:g}; {study.labels.test} of them test"
        + (", all shipped" if part.pretrained else ""),
        f"  surrogate: {part.pretrained}, trained already"
        if part.pretrained
        else f"  surrogate: latent code of {part.latent_dim}, {part.unlabelled} structures x {part.epochs} epochs, "
        f"{part.ensemble} regressor{'s' if part.ensemble > 1 else ''}",
        *(f"  goal: {goal.quantity} {goal.describe()}" for goal in study.reduced_goals),
        f"  search: {study.search.algorithm}, {study.search.generations} generations of {study.search.population}",
        f"  verification: batches of {rule.candidates} by {rule.backend}; at most {rule.rounds} rounds, "
        f"{rule.max_simulations} simulations; stops at {rule.hits} hit{'s' if rule.hits > 1 else ''}",
        f"  a hit counts {_condition(study)}; "
        + ("labelled structures that meet the goals count" if rule.known else "new structures only"),
    ]


def _condition(study: Study) -> str:
    """What has to be simulated before a hit counts."""
    asked = {"finer": f"on cells of {study.family.cell_nm / 2:g} nm", "free": "with free spins"}
    if study.checks:
        return f"when it is one {' and '.join(asked[name] for name in study.checks)}, too"
    return f"as soon as it is one by {study.labels.discretization} of {study.family.cell_nm:g} nm: nothing is confirmed"


def progress_of(run: Path) -> list[str]:
    """How far a run is; reads only, so a running one is not disturbed.

    Raises:
        InputError: if the folder is no run.
    """
    if not (run / "study.yaml").is_file():
        raise InputError(f"{run}: no run here (no study.yaml)")
    study = load_study(run / "study.yaml")
    lines, times = [f"{study.name}: {_labels(run, study)}"], StageTimes(run)
    seconds = times.seconds(Stage.LABELS, labels_key(study))
    if seconds:
        lines.append(f"  {Stage.LABELS:<14} {seconds:.1f} s so far")
    for folder in sorted(run.glob("*/artifact.json")) + sorted(run.glob("*/*/artifact.json")):
        record = read_artifact(folder.parent)
        if record and not folder.parent.is_relative_to(run / ".work"):
            seconds = times.seconds(record["stage"], record["key"])
            lines.append(f"  {record['stage']:<14} done" + (f" in {seconds:.1f} s" if seconds else ""))
    if (run / MANIFEST).is_file():
        known = read_manifest(run)
        words = work_in_words(*(int(known.get(key, 0)) for key in ("simulations", "confirmations", "known")))
        hits, counted = (int(known.get(key, known.get("hits", 0))) for key in ("hits", "counted"))
        if known.get("checks"):
            lost = f", {hits - counted} more by the first mesh only" if hits > counted else ""
            lines.append(f"  {known['rounds']} rounds, {words}, {counted} confirmed hit{'s' * (counted != 1)}{lost}")
        else:
            lines.append(f"  {known['rounds']} rounds, {words}, {counted} hits, not confirmed")
        lines.append(f"  {known['reason']}")
    return lines


def _labels(run: Path, study: Study) -> str:
    from simulation.labels.store import LabelStore

    path = run / "labels.sqlite"
    wanted = f"{study.labels.count} labels wanted"
    if study.surrogate.pretrained:
        wanted = f"labels come with the surrogate {study.surrogate.pretrained}"
    if not path.is_file():
        return f"no simulation in the store ({wanted})"
    with LabelStore(path, read_only=True) as store:
        counts = store.counts()
    done = sum(counts.values())
    bad = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count and outcome != "converged")
    return f"{done} simulations in the store ({wanted})" + (f"; {bad}" if bad else "")


def closing_table(design: Design) -> Table:
    """Goals beside what the best candidates are predicted and verified to have, the best first."""
    goals = design.goals
    study = design.study
    by = f"by {study.labels.discretization} of {study.family.cell_nm:g} nm"
    by += ", free spins" if study.labels.spins == "free" else ""
    table = Table(title="goal, predicted -> verified", caption=f"fields in H_A, magnetisations in Ms, {by}")
    table.add_column("candidate", justify="right")
    for goal in goals:
        table.add_column(f"{goal.quantity} {goal.describe()}", justify="right")
    table.add_column("hit", justify="center")
    table.add_column("source")
    for number in design.ranking[:8]:
        item = design.verified[number]
        cells = []
        for goal in goals:
            i = goal.column
            predicted, known = item.candidate.predicted[i], item.candidate.source == KNOWN
            cells.append(f"{'known' if known else f'{predicted:.3f}'} -> {item.properties[i]:.3f}")
        table.add_row(f"{number:02d}", *cells, _verdict(item, design.goals), item.candidate.source)
    return table


def _verdict(item: Verified, goals: Sequence[Goal]) -> str:
    if not item.is_hit(goals):
        return "no" if item.converged else "unconverged"
    return {True: "confirmed", None: "yes", False: "not confirmed"}[item.confirmed]


def accuracy_of(name_or_run: str | Path) -> dict[str, Any]:
    """The object of `evaluate --json` for the last regressor of a run, or for a shipped surrogate by its name.

    Raises:
        InputError: if there is neither.
    """
    run = Path(name_or_run)
    return _run_accuracy(run) if run.is_dir() else _shipped_accuracy(str(name_or_run))


def _shipped_accuracy(name: str) -> dict[str, Any]:
    """Predicted now, on the test split of the labels that the surrogate was trained on."""
    from inverse_design.study.shipped import labels_of
    from surrogate.card import find_surrogate

    find_surrogate(name)  # refused before TensorFlow is there
    from surrogate import Surrogate
    from surrogate.metrics import evaluate, latent_space

    surrogate, test = Surrogate.load(name), labels_of(name, ["test"])
    space = latent_space(surrogate, test.structures)
    codes = {key: value for key, value in vars(space).items() if not key.startswith("drift")}
    drifts = {
        key: dict(zip(ANCHORS, getattr(space, key), strict=True)) for key in vars(space) if key.startswith("drift")
    }
    return {**evaluate(surrogate, test.structures, test.anchors).as_dict(), **codes, **drifts}


def _run_accuracy(run: Path) -> dict[str, Any]:
    from inverse_design.run.accuracy import evaluation, last_round

    return evaluation(run, last_round(run)).as_dict()


def accuracy_table(result: dict[str, Any]) -> Table:
    """The same as a table."""
    table = Table(title=f"mean absolute error on {result['n']} test structures")
    for title in (
        "anchor",
        "this surrogate",
        "paper, Table 3",
        "unit",
        "within 1 std",
        "within 2 std",
        "rank correlation",
    ):
        table.add_column(title, justify="left" if title == "anchor" else "right")
    for anchor in ANCHORS:
        error, one, two = (result[key][anchor] for key in ("mae", "within_1_std", "within_2_std"))
        rank = result["rank_correlation"][anchor]
        table.add_row(
            anchor,
            "-" if error is None else f"{error:.4f}",
            f"{result['paper'][anchor]:.4f}",
            UNITS[anchor],
            *("-" if share is None else f"{share:.0%}" for share in (one, two)),
            "-" if rank is None else f"{rank:.2f}",
        )
    if "axis_error_deg" in result:
        table.caption = (
            f"decoded axes off by {result['axis_error_deg']:.1f} degrees in the mean; "
            f"{result['in_use']} of {result['dimensions']} latent dimensions in use"
        )
    return table
