"""`design()` as a library function: what it shows, logs, draws and tells a callback; and how its objects look."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import inverse_design
from inverse_design import Design, Goal, StudyError, design, load_study
from inverse_design.loop import STOPPED
from inverse_design.study.reading import parse_study
from simulation import Conditions, FieldSweep, InputError, Material, Nd2Fe14B, Purpose, StructureFamily
from simulation.labels.label import Job
from tests.inverse_design.report.stand_ins import SMALL, verified

STUDY = {
    "name": "small",
    "microstructures": {"size_nm": 40, "cell_nm": 2, "grains": [2, 8]},
    "field_sweep": {"until": "coercivity", "step": 0.05},
    "labels": {"count": 48, "test": 4},
    "surrogate": {"latent_dim": 4, "unlabelled": 64, "epochs": 1, "ensemble": 2, "grain_epochs": 1,
                  "regressor": {"epochs": 4, "more_epochs": 2}},
    "goals": {"Mr": {"target": 0.01, "tolerance": 0.001}, "Hc": {"target": 0.9, "tolerance": 0.001}},
    "search": {"population": 16, "generations": 3, "draws": 8},
    "verification": {"candidates": 2, "rounds": 2, "max_simulations": 8, "refine": 0, "confirm": []},
    "execution": {"workers": 1},
}  # fmt: skip


class Watcher:
    """Notes what it is shown, and stops after a number of batches."""

    def __init__(self, stop_after: int) -> None:
        self.stop_after, self.seen = stop_after, [0][:0]

    def __call__(self, state: Design) -> bool:
        assert (state.folder / "report.html").is_file(), "written before it is asked"
        self.seen.append(state.rounds)
        return len(self.seen) >= self.stop_after


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Design, Watcher]:
    """As a script without any set-up of logging."""
    logging.getLogger("inverse_design").setLevel(logging.NOTSET)  # commands that were tested before have set it
    watcher = Watcher(1)
    return design(STUDY, tmp_path_factory.mktemp("runs"), callback=watcher), watcher


def test_a_callback_stops_the_run_after_a_batch_and_the_run_says_so(stopped: tuple[Design, Watcher]) -> None:
    found, watcher = stopped
    assert watcher.seen == [1]
    assert found.rounds == 1
    assert found.reason == STOPPED
    assert STOPPED in (found.folder / "manifest.json").read_text(encoding="utf-8")
    assert len(found.table) == len(found.verified) == 2


def test_the_log_of_the_run_is_that_of_the_command(stopped: tuple[Design, Watcher]) -> None:
    text = (stopped[0].folder / "run.log").read_text(encoding="utf-8")
    assert "INFO labels: " in text
    assert f"INFO stopped: {STOPPED}" in text
    assert logging.getLogger("inverse_design").level == logging.NOTSET, "as it was before"


def test_the_novelty_of_candidates_is_told(stopped: tuple[Design, Watcher]) -> None:
    found, _ = stopped
    assert np.isfinite([item.candidate.novelty for item in found.verified]).all()
    assert list(found.table)[-2:] == ["novelty", "hit_probability"]
    assert '"novelty": ' in (found.folder / "candidates" / "00" / "origin.json").read_text(encoding="utf-8")


def test_the_front_is_drawn(stopped: tuple[Design, Watcher]) -> None:
    found, _ = stopped
    axes = Figure().add_subplot()
    assert found.plot_front(axes) is axes
    assert "Mr" in axes.get_xlabel()
    assert any(str(line.get_label()).startswith("Pareto front") for line in axes.lines)
    with pytest.raises(InputError, match="nothing has been searched"):
        Design(found.study, found.folder / "nowhere").plot_front(axes)


def test_what_came_of_a_study_is_a_line_and_in_a_notebook_a_picture(stopped: tuple[Design, Watcher]) -> None:
    found, _ = stopped
    for thing in (found, found.study, *found.verified, *(item.candidate for item in found.verified), *found.goals):
        assert len(repr(thing)) < 250, type(thing)
        assert "\n" not in repr(thing)
    page = found._repr_html_()
    assert "report.html" in page
    assert STOPPED in page


def test_a_stopped_run_goes_on_where_it_was(stopped: tuple[Design, Watcher]) -> None:
    """Last in this file: it changes the run."""
    before, watcher = stopped[0], Watcher(9)
    after = design(STUDY, before.folder.parent, callback=watcher)
    assert after.rounds == 2
    assert after.reason == "2 rounds are done"
    assert watcher.seen == [1], "shown what is there again, and not the end"
    first = [item.label_key for item in after.verified[:2]]
    assert first == [item.label_key for item in before.verified]
    assert len(pd.read_csv(before.folder / "verified.csv")) == 4


def test_wrong_arguments_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="callback must be a function of one argument, got 3"):
        design(STUDY, tmp_path, callback=3)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="a file, a mapping of keys or a Study is needed, got 3"):
        design(3, tmp_path)  # type: ignore[arg-type]


def test_what_is_there_can_be_found() -> None:
    assert {"design", "Study", "Goal", "load_study"} <= set(dir(inverse_design))
    assert "design(study)" in (inverse_design.__doc__ or "")


def test_values_are_a_line_each() -> None:
    structure = SMALL.draw(1, Purpose.BENCHMARK, 0)
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"))
    label = Job.of(structure, conditions).failed("nothing came", 0.1)
    things = [
        structure, conditions, label, FieldSweep(), Nd2Fe14B, Material(8e-12, 1.6, 4e6), StructureFamily(),
        Goal("Mr", target=0.8, tolerance=0.01), verified(structure, 0.8, 0.3), verified(structure, 0.8, 0.3).candidate,
        load_study(Path(str(files("studies") / "quickstart.yaml"))),
        parse_study("name: a\ngoals: {Hc: maximize}\n", "s.yaml"),
    ]  # fmt: skip
    for thing in things:
        assert len(repr(thing)) < 300, repr(thing)
        assert "\n" not in repr(thing)
    assert repr(things[7]) == "<Goal Mr 0.8 ± 0.01 Ms>"
    assert "nothing came" in repr(label)
    assert label == Job.of(structure, conditions).failed("nothing came", 0.2), "the wall time is no part of it"
    assert hash(label) == hash(Job.of(structure, conditions).failed("nothing came", 0.2))
