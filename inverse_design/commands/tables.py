"""The tables of the command line: what a run came to, and how right a surrogate is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from inverse_design.candidates.candidate import KNOWN
from inverse_design.console import say_loading
from inverse_design.goals import UNITS, Goal, curve_of
from inverse_design.study.wishes import goal_in_unit, number_in_unit, shown_unit
from simulation.anchors import ANCHORS

if TYPE_CHECKING:
    from inverse_design.run.design import Design
    from inverse_design.run.verified import Verified


def closing_table(design: Design) -> Table:
    """Goals beside what the best candidates are predicted and verified to have, the best first: in reduced units, and
    below them in those that the goals were written in, else in SI units."""
    goals = design.goals
    study = design.study
    by = f"by {study.labels.discretization} of {study.family.cell_nm:g} nm"
    by += ", free spins" if study.labels.spins == "free" else ""
    table = Table(title="goal, predicted -> verified", caption=f"fields in H_A, magnetisations in Ms, {by}")
    table.add_column("candidate", justify="right")
    units = [shown_unit(goal.quantity, study.goals[goal.quantity]) for goal in goals]
    for goal, unit in zip(goals, units, strict=True):
        title = f"{goal.quantity} {goal.describe()}"
        beside = goal_in_unit(goal, unit, study.magnet) if unit else ""
        table.add_column(f"{title}\n{beside}" if beside else title, justify="right")
    curve = curve_of(goals)
    if curve is not None:
        table.add_column(f"curve {curve.describe()}", justify="right")
    table.add_column("hit", justify="center")
    table.add_column("source")
    for number in design.ranking[:8]:
        item = design.verified[number]
        cells = []
        for goal, unit in zip(goals, units, strict=True):
            i = goal.column
            predicted, known = item.candidate.predicted[i], item.candidate.source == KNOWN
            cell = f"{'known' if known else f'{predicted:.3f}'} -> {item.properties[i]:.3f}"
            cells.append(
                f"{cell}\n{number_in_unit(item.properties[i], goal.quantity, unit, study.magnet)}" if unit else cell
            )
        if curve is not None:
            cells.append(f"{item.apart(goals):.4f}")
        table.add_row(f"{number:02d}", *cells, _verdict(item, design.goals), item.candidate.source)
    return table


def _verdict(item: Verified, goals: Sequence[Goal]) -> str:
    if not item.is_hit(goals):
        return "no" if item.converged else "unconverged"
    return {True: "confirmed", None: "outdone" if item.outdone else "yes", False: "not confirmed"}[item.confirmed]


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
    from surrogate.card import check_surrogate, find_surrogate

    check_surrogate(find_surrogate(name))  # refused before TensorFlow is there
    say_loading()
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
