"""A hit counts when a finer mesh says so, too; what is known already is an answer; a stub stands for the solver."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from inverse_design import design
from inverse_design.cli import app
from inverse_design.properties import Column
from inverse_design.run.confirming import checks_of
from inverse_design.run.design import Design, read_design
from inverse_design.run.folder import read_artifact
from inverse_design.study.reading import StudyError
from inverse_design.study.sections import CHECKS
from inverse_design.study.study import Study
from simulation import DemagnetizationCurve, FieldStatus, Microstructure, load_labels
from simulation.execution.engine import Engine
from studies.benchmarks.kills import command

STUDY: dict[str, Any] = {
    "name": "known",
    "surrogate": {"pretrained": "nd2fe14b-elements"},
    "goals": {"Mr": {"target": 0.80, "tolerance": 0.01}, "Hc": {"target": 0.33, "tolerance": 0.01}},
    "verification": {"candidates": 3, "hits": 1, "refine": 0, "confirm": "finer"},
}


class Searched(Exception):
    """Raised where a search would begin."""


@dataclass
class Stub:
    """A solver whose curves hit the goals of `STUDY`, but for those that it is told to miss.

    Attributes:
        misses: asked of the structure and the discretisation.
        asked: structures in the order in which they were simulated, with the discretisation.
        interrupt_at: Ctrl-C at the simulation of this number.
    """

    misses: Callable[[Microstructure, str], bool] = lambda structure, kind: False
    asked: list[tuple[Microstructure, str]] = field(default_factory=list)
    interrupt_at: int | None = None

    def __call__(
        self, structure: Microstructure, material: Any, sweep: Any, backend: str, discretization: str, **options: Any
    ) -> DemagnetizationCurve:
        if len(self.asked) == self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt
        self.asked.append((structure, discretization))
        coercive_field = 0.15 if self.misses(structure, discretization) else 0.33
        h = np.round(1 - 0.01 * np.arange(141), 2)
        m = np.where(h > 0, 0.8 + 0.18 * h, 0.8 * (1 - (-np.minimum(h, 0) / coercive_field) ** 3))
        return DemagnetizationCurve(
            h, np.maximum(m, -1), (FieldStatus.CONVERGED,) * len(h), 7, np.zeros((0, *structure.shape)), np.zeros(0)
        )

    @property
    def finer(self) -> list[str]:
        """Content of the structures that were simulated on cells of 1 nm."""
        return [structure.content_hash for structure, _ in self.asked if structure.cell_nm == 1]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    solver = Stub()
    monkeypatch.setattr("simulation.hysteresis.demagnetization_curve", solver)
    for place in ("inverse_design.loop", "inverse_design.commands.verify"):
        monkeypatch.setattr(f"{place}.make_engine", lambda study: Engine(lambda: ThreadPoolExecutor(1), 1))
    monkeypatch.setattr("inverse_design.outputs.reversals_of", lambda *arguments: ({}, {}))
    for place in ("inverse_design.outputs", "inverse_design.report.page"):  # they take longer than all the rest
        monkeypatch.setattr(f"{place}.write_figures", lambda *arguments: None)
    return solver


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched(*arguments: Any) -> None:
        raise Searched

    monkeypatch.setattr("inverse_design.loop.Run._rounds", searched)


def ask(runs: Path, **rules: Any) -> Design:
    return design({**STUDY, "verification": {**STUDY["verification"], **rules}}, runs)


def table(runs: Path) -> pd.DataFrame:
    return pd.read_csv(runs / "known" / "verified.csv")


def said_by(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.stderr
    return done.stdout + done.stderr


# -- what is known already


def test_enough_known_answers_end_a_run_before_it_searches(stub: Stub, no_search: None, tmp_path: Path) -> None:
    """Their curves are those of the shipped labels; only the confirmations are simulated."""
    found = ask(tmp_path)
    assert found.reason == "3 confirmed hits, all of them known before, 1 wanted"
    assert (found.rounds, found.simulations, len(found.confirmations)) == (0, 0, 3)
    assert len(stub.asked) == len(stub.finer) == 3
    labels = load_labels("nd2fe14b-elements")
    rows = table(tmp_path)
    first, again = rows[:3], rows[3:]
    assert set(first["source"]) == {"known"}
    for _, row in first.iterrows():
        label = labels.loc[int(row["parent"].removeprefix("label:"))]
        assert (row["Mr_verified"], row["Hc_verified"]) == (label["Mr"], label["Hc"])
        assert np.isnan(row["Mr_predicted"])
    assert first["confirmed"].tolist() == [True] * 3
    assert first["hit"].tolist() == again["hit"].tolist() == [True] * 3
    assert again["confirmed"].isna().all()
    assert again["candidate"].tolist() == [0, 1, 2]
    assert set(again["cell_nm"]) == {1.0}
    assert set(rows["discretization"]) == {"elements"}
    manifest = json.loads((tmp_path / "known" / "manifest.json").read_text())
    assert (manifest["simulations"], manifest["confirmations"], manifest["confirmed"]) == (0, 3, 3)
    origin = json.loads((tmp_path / "known" / "candidates" / "00" / "origin.json").read_text())
    assert origin["in_words"] == f"Known before the search: label {first['parent'][0].removeprefix('label:')}."
    assert origin["confirmed"] is True
    assert not (tmp_path / "known" / "front.csv").exists()
    again_read = read_design(tmp_path / "known")
    assert again_read.hits == found.hits == (True,) * 3
    assert "0 rounds, 0 simulations and 3 confirmations, 3 labelled structures shown, 3 confirmed hits" in said_by(
        "status", str(tmp_path / "known")
    )
    page = (tmp_path / "known" / "report.html").read_text()
    assert "3 of the 3 simulated candidates meet every target and bound, on cells half as large too" in page
    assert "3 of the hits were known before the search." in page
    assert "Nothing has been searched" in page
    assert "none made" in page


def test_the_same_command_again_simulates_nothing_and_writes_the_same(
    stub: Stub, no_search: None, tmp_path: Path
) -> None:
    ask(tmp_path)
    before, asked = (tmp_path / "known" / "verified.csv").read_bytes(), len(stub.asked)
    seconds = (tmp_path / "known" / "seconds.json").read_bytes()
    ask(tmp_path)
    assert (tmp_path / "known" / "verified.csv").read_bytes() == before
    assert len(stub.asked) == asked
    assert (tmp_path / "known" / "seconds.json").read_bytes() == seconds


def test_known_false_asks_for_new_structures_only(stub: Stub, no_search: None, tmp_path: Path) -> None:
    with pytest.raises(Searched):
        ask(tmp_path, known=False)
    assert stub.asked == []
    assert not (tmp_path / "known" / "verified.csv").exists()
    assert "4 meet every target and bound" in (tmp_path / "known" / "run.log").read_text()


def test_as_many_known_answers_as_a_batch_has_and_no_two_alike(stub: Stub, no_search: None, tmp_path: Path) -> None:
    assert len(ask(tmp_path, candidates=2).verified) == 2
    assert len(ask(tmp_path, candidates=8).verified) == 4, "there are four"
    assert len(ask(tmp_path, candidates=8, distinct_deg=89.0).verified) == 1


def test_a_report_of_known_answers_alone_is_that_of_the_study_that_ran(
    stub: Stub, no_search: None, tmp_path: Path
) -> None:
    ask(tmp_path)
    study = tmp_path / "known" / "study.yaml"
    written = study.read_text()
    for before, after in (("target: 0.33", "target: 0.34"), ("confirm: [finer]", "confirm: none")):
        assert before in written
        study.write_text(written.replace(before, after))
        found = read_design(tmp_path / "known")
        assert found.study.checks == ("finer",)
        assert [goal.target for goal in found.goals] == [0.80, 0.33]
        assert found.hits == (True,) * 3


@pytest.mark.slow
def test_known_answers_need_no_tensorflow(tmp_path: Path) -> None:
    study = {**STUDY, "verification": {"candidates": 1, "confirm": "none"}}
    code = f"""
import sys
import inverse_design.run.switching
from inverse_design import design
from simulation.errors import SolverError
def no_time(*_, **__):
    raise SolverError("a map takes ten seconds")
inverse_design.run.switching.reversal = no_time
print(design({study!r}, {str(tmp_path)!r}).reason)
sys.exit(bool({{'tensorflow', 'keras', 'pymoo'}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1 verified hit, known before, 1 wanted"


# -- confirmation


def test_a_hit_that_a_finer_mesh_does_not_uphold_counts_for_nothing(
    stub: Stub, no_search: None, tmp_path: Path
) -> None:
    stub.misses = lambda structure, kind: structure.cell_nm < 2
    with pytest.raises(Searched):
        ask(tmp_path)
    rows = table(tmp_path)
    assert rows["hit"].tolist() == [True] * 3 + [False] * 3
    assert rows["confirmed"][:3].tolist() == [False] * 3
    run = tmp_path / "known"
    found = read_design(run)
    assert sum(found.hits) == 0
    assert "0 confirmed hits, 3 more by the first mesh only" in said_by("status", str(run))
    page = (run / "report.html").read_text()
    assert "None of the 3 simulated candidates meets every target and bound." in page
    assert "3 more do by elements of 2 nm but not in every further simulation" in page
    assert page.count('<span class="badge miss">no hit: one by elements of 2 nm only') == 2 * 3, "table and cards"


def test_confirmed_hits_come_before_others(stub: Stub, no_search: None, tmp_path: Path) -> None:
    stub.misses = lambda structure, kind: len(stub.finer) <= 2  # but the third
    found = ask(tmp_path)
    assert found.hits == (False, False, True)
    assert found.best_number == found.ranking[0] == 2
    assert found.reason == "1 confirmed hit, known before, 1 wanted"


def test_without_confirmation_hits_count_as_they_are(stub: Stub, no_search: None, tmp_path: Path) -> None:
    found = ask(tmp_path, confirm="none")
    assert stub.asked == []
    assert found.hits == (True,) * 3
    assert table(tmp_path)["confirmed"].isna().all()
    assert "by elements of 2 nm, not confirmed" in (tmp_path / "known" / "report.html").read_text()
    ask(tmp_path, confirm="finer")
    assert len(stub.finer) == 3, "asked for later, it is made up for"
    assert table(tmp_path)["confirmed"][:3].tolist() == [True] * 3


def test_a_run_stopped_between_two_confirmations_does_none_of_them_twice(
    stub: Stub, no_search: None, tmp_path: Path
) -> None:
    stub.interrupt_at = 2
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path)
    assert read_artifact(tmp_path / "known" / "confirm" / "known") is None
    assert len(stub.finer) == 2
    assert ask(tmp_path).hits == (True,) * 3
    assert len(stub.finer) == len(set(stub.finer)) == 3


SPREAD = {**STUDY, "goals": {**STUDY["goals"], "axis_spread_deg": "maximize"}}


def test_of_what_is_maximised_only_the_best_is_confirmed(stub: Stub, no_search: None, tmp_path: Path) -> None:
    with pytest.raises(Searched):  # no number of hits is the end of it
        design(SPREAD, tmp_path)
    found, run = read_design(tmp_path / "known"), str(tmp_path / "known")
    assert len(stub.finer) == 1
    assert found.hits == (True, False, False)
    assert [(item.confirmed, item.outdone) for item in found.verified] == [(True, False), (None, True), (None, True)]
    spreads = [item.properties[Column.axis_spread_deg] for item in found.verified]
    assert max(spreads) == spreads[0]
    assert "1 confirmed hit, 2 more outdone by these and not simulated further" in said_by("status", run)
    page = (tmp_path / "known" / "report.html").read_text()
    assert "2 more do by elements of 2 nm, outdone by confirmed ones and not simulated further." in page
    assert page.count("hit, outdone") >= 2
    assert table(tmp_path)["confirmed"].isna()[:4].tolist() == [False, True, True, True]


def test_what_a_refuted_hit_outdid_is_asked_after_it(stub: Stub, no_search: None, tmp_path: Path) -> None:
    stub.misses = lambda structure, kind: structure.cell_nm < 2 and len(stub.finer) == 1
    with pytest.raises(Searched):
        design(SPREAD, tmp_path)
    found = read_design(tmp_path / "known")
    assert len(stub.finer) == 2
    assert [(item.confirmed, item.outdone) for item in found.verified] == [(False, False), (True, False), (None, True)]
    assert found.best_number == 1


# -- verify


def test_a_later_simulation_that_misses_takes_the_badge_away(stub: Stub, no_search: None, tmp_path: Path) -> None:
    found, run = ask(tmp_path), str(tmp_path / "known")
    worse = found.verified[0].candidate.structure.content_hash
    stub.misses = lambda structure, kind: kind == "cells" and structure.content_hash == worse
    said = said_by("verify", run, "--discretization", "cells")
    assert "2 of 3 hits still hit by planar, cells of 2 nm; 2 of 3 candidates hit in every simulation of them" in said
    rows = table(tmp_path)
    assert rows["confirmed"][:3].tolist() == [False, True, True]
    assert rows["discretization"].tolist() == ["elements"] * 6 + ["cells"] * 3
    assert rows["hit"].tolist() == [True] * 6 + [False, True, True]
    assert "2 confirmed hits, 1 more by the first mesh only" in said_by("status", run)
    page = (tmp_path / "known" / "report.html").read_text()
    assert "2 of the 3 simulated candidates meet every target and bound" in page
    assert page.count('<span class="badge miss">no hit: one by elements of 2 nm only') == 2, "table and card"
    assert read_design(tmp_path / "known").best_number == 1
    assert ask(tmp_path, hits=2).reason == "2 confirmed hits, all of them known before, 2 wanted"
    with pytest.raises(Searched):
        ask(tmp_path, hits=3)


def test_what_was_confirmed_is_not_simulated_or_listed_again(stub: Stub, no_search: None, tmp_path: Path) -> None:
    ask(tmp_path)
    before = (tmp_path / "known" / "verified.csv").read_bytes()
    said = said_by("verify", str(tmp_path / "known"), "--refine", "2")
    assert "3 of 3 hits still hit by planar, elements of 1 nm" in said
    assert len(stub.asked) == 3
    assert (tmp_path / "known" / "verified.csv").read_bytes() == before


def test_robust_hits_are_confirmed_by_the_same_grains(stub: Stub, no_search: None, tmp_path: Path) -> None:
    """Redraws say whether it is a hit; the finer mesh, whether these grains are one there."""
    goals = {**STUDY["goals"], "Hc": {**STUDY["goals"]["Hc"], "robust": True}}
    rules = {"candidates": 2, "hits": 1, "redraws": 2, "confirm": "finer"}
    found = design({**STUDY, "goals": goals, "verification": rules}, tmp_path)
    assert [len(item.redrawn) for item in found.verified] == [2, 2]
    assert found.hits == (True, True)
    assert len(stub.finer) == 2
    assert table(tmp_path)["hit"].tolist() == [True] * 4


# -- the climb before a search


@pytest.fixture
def no_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*arguments: Any) -> None:
        raise Searched

    monkeypatch.setattr("inverse_design.loop.Run.vae", asked)


def test_the_climb_goes_on_until_a_hit_is_confirmed(stub: Stub, no_surrogate: None, tmp_path: Path) -> None:
    """All hit on their own cells; on finer ones only what is simulated after the first three."""
    stub.misses = lambda structure, kind: structure.cell_nm < 2 and len(stub.finer) <= 3
    found = ask(tmp_path, known=False, refine=9)
    assert (found.rounds, found.simulations, len(found.confirmations)) == (0, 6, 6)
    assert found.hits == (False,) * 3 + (True,) * 3
    assert found.reason == "3 confirmed hits, 1 wanted"
    rows = table(tmp_path)
    assert rows["source"].eq("refined").all()
    assert rows["parent"].str.startswith("label:")[:3].all()
    assert np.isfinite(rows["Mr_predicted"][:6]).all(), "told from the parent's curve"
    assert "refined by the solver alone" in (tmp_path / "known" / "report.html").read_text()
    before, asked = (tmp_path / "known" / "verified.csv").read_bytes(), len(stub.asked)
    again = ask(tmp_path, known=False, refine=9)
    assert (again.hits, len(stub.asked)) == (found.hits, asked)
    assert (tmp_path / "known" / "verified.csv").read_bytes() == before
    assert read_design(tmp_path / "known").hits == found.hits
    stages = [line.split()[0] for line in said_by("status", str(tmp_path / "known")).splitlines()]
    assert [name for name in stages if "/" in name] == [
        "refine/0-0", "confirm/refined-0-0", "refine/0-1", "confirm/refined-0-1"
    ]  # fmt: skip
    said_by("report", str(tmp_path / "known"))


def test_a_climb_that_brings_no_hit_leaves_the_rest_to_the_search(
    stub: Stub, no_surrogate: None, tmp_path: Path
) -> None:
    stub.misses = lambda structure, kind: True
    with pytest.raises(Searched):
        ask(tmp_path, known=False, refine=7)
    assert len(stub.asked) == 6, "whole batches only"
    with pytest.raises(Searched):
        ask(tmp_path, known=False, sources=["decoded"], refine=9)
    assert len(stub.asked) == 6


def test_a_climb_that_is_interrupted_goes_on_where_it_was(stub: Stub, no_surrogate: None, tmp_path: Path) -> None:
    stub.misses = lambda structure, kind: structure.cell_nm < 2 and len(stub.finer) <= 3
    whole = ask(tmp_path / "whole", known=False, refine=9)
    asked = len(stub.asked)
    stub.asked.clear()
    stub.interrupt_at = 8
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "again", known=False, refine=9)
    ask(tmp_path / "again", known=False, refine=9)
    assert len(stub.asked) == asked
    first, second = (tmp_path / name / "known" / "verified.csv" for name in ("whole", "again"))
    assert first.read_bytes() == second.read_bytes()
    assert whole.simulations == 6


# -- the whole loop


@pytest.mark.slow
def test_confirmations_are_counted_apart_and_use_up_no_budget(stub: Stub, tmp_path: Path) -> None:
    """Every candidate of two rounds hits on its own cells and misses on finer ones: all rounds are done, with as many
    simulations as without."""
    stub.misses = lambda structure, kind: structure.cell_nm < 2
    changes = (
        "goals.Mr.tolerance=0.05",
        "goals.Hc.target=0.33",
        "goals.Hk90={at_least: 0.1}",
        "verification.hits=2",
        "verification.confirm=finer",
    )
    words = [*command(tmp_path)[3:], *(word for change in changes for word in ("--set", change))]
    said = said_by(*words)
    assert "the budget of 4 simulations is used up" in said
    run = tmp_path / "small"
    rows = pd.read_csv(run / "verified.csv")
    first = rows[: rows["candidate"].nunique()]
    assert first["source"].tolist()[:2] == ["known", "known"]
    assert first["source"].isin(["decoded", "steered", "turned", "drawn"]).sum() == 4
    assert first["hit"].all()
    assert not first["confirmed"].astype(bool).any()
    assert first["round"].tolist() == [0, 0, 0, 0, 1, 1]
    assert len(rows) == 12
    assert "2 rounds, 4 simulations and 6 confirmations, 2 labelled structures shown, 0 confirmed hits" in said_by(
        "status", str(run)
    )
    assert sum(read_design(run).hits) == 0
    known = {f"label:{i}" for i in range(24)} | {str(i) for i in range(6)}
    assert set(first["parent"].dropna().astype(str).str.removesuffix(".0")) <= known
    before = (run / "verified.csv").read_bytes()
    said_by("report", str(run))
    assert (run / "verified.csv").read_bytes() == before


def test_every_check_that_a_study_may_ask_for_is_there() -> None:
    study = Study.model_validate({**STUDY, "verification": {**STUDY["verification"], "confirm": list(CHECKS)}})
    assert tuple(checks_of(study)) == CHECKS


def test_a_hit_stands_free_spins_on_both_meshes_by_default(stub: Stub, no_search: None, tmp_path: Path) -> None:
    """Three hits, each simulated twice more, the cheaper first: the finer mesh with free spins, too."""
    del (rules := dict(STUDY["verification"]))["confirm"]
    found = design({**STUDY, "verification": rules}, tmp_path)
    assert [(again.spins, again.candidate.structure.cell_nm) for _, again in found.confirmations] == [
        *[("free", 2.0)] * 3, *[("free", 1.0)] * 3,
    ]  # fmt: skip
    assert found.hits == (True,) * 3
    rows = table(tmp_path)
    assert rows["spins"].tolist() == ["planar"] * 3 + ["free"] * 6
    assert rows["confirmed"][:3].tolist() == [True] * 3


def test_what_a_check_refutes_is_not_asked_any_further(stub: Stub, no_search: None, tmp_path: Path) -> None:
    """The first check fails for all but the first of the hits: only that is simulated on finer cells."""
    first: list[str] = []

    def misses(structure: Microstructure, kind: str) -> bool:
        first.append(structure.content_hash)
        return structure.cell_nm == 2 and structure.content_hash != first[0]

    stub.misses = misses
    del (rules := dict(STUDY["verification"]))["confirm"]
    found = design({**STUDY, "verification": rules}, tmp_path)
    assert len(stub.finer) == 1
    assert found.hits == (True, False, False)
    assert [number for number, _ in found.confirmations] == [0, 1, 2, 0]


def test_a_check_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"verification\.confirm: must be none, finer, free or a list of checks"):
        ask(tmp_path, confirm="coarser")
