"""Simulations of a page: the very curve that a labelling gives, with the states on its way; workers that die."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from inverse_design.explore.simulations import FINER, FREE, Simulations, check_job, checks_of
from simulation import Conditions, Engine, FieldSweep, InputError, Nd2Fe14B, demagnetization_curve
from simulation.labels import film as module
from simulation.labels.film import EVERY, TURN, film
from simulation.labels.label import Job, Outcome
from simulation.labels.simulating import simulate_label
from tests.inverse_design.explore.stand_ins import CONDITIONS, atlas


def test_a_film_has_the_label_of_a_labelling_and_the_states_of_the_solver() -> None:
    job = Job.of(atlas().structures[1], CONDITIONS)
    found = film(job)
    assert found.label.same_result(simulate_label(job))
    fields = found.label.h
    wanted = (fields <= 0) | (np.arange(fields.size) % EVERY == 0)
    np.testing.assert_array_equal(found.h, fields[wanted])
    curve = demagnetization_curve(atlas().structures[1], sweep=CONDITIONS.sweep, keep="all")
    step = 2 * np.pi / TURN
    for frame in (0, 3, len(found.h) - 1):
        angle = curve.angle_rad[np.flatnonzero(curve.kept_h == found.h[frame])[0]]
        off = np.mod(found.turn[frame] * step - angle + np.pi, 2 * np.pi) - np.pi
        assert np.abs(off).max() <= step / 2 + 1e-9
        assert found.along(frame).mean() == pytest.approx(curve.m[curve.h == found.h[frame]][0], abs=0.02)
    assert found.frame(0.001) == int(np.flatnonzero(found.h == 0)[0])


def test_a_simulation_that_fails_is_a_film_of_nothing_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise ZeroDivisionError("no numbers")

    monkeypatch.setattr(module, "simulate_curve", fails)
    found = film(Job.of(atlas().structures[1], CONDITIONS))
    assert (found.h.size, found.label.outcome) == (0, Outcome.FAILED)
    assert "no numbers" in found.label.reason


class Dying(ThreadPoolExecutor):
    """The first job kills its worker."""

    def __init__(self, ends: list[str]) -> None:
        super().__init__(1)
        self._ends = ends

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Future[Any]:
        if self._ends:
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor(self._ends.pop()))
            return future
        return super().submit(function, *args, **named)


def test_a_worker_that_dies_is_told_and_replaced() -> None:
    started: list[Executor] = []
    ends = ["killed"]

    def start() -> Executor:
        started.append(Dying(ends))
        return started[-1]

    with Simulations(Engine(start, 1)) as simulations:
        with pytest.raises(InputError, match="died"):
            simulations.result_of(simulations.submit(int, "1"))
        assert simulations.result_of(simulations.submit(int, "1")) == 1
    assert len(started) == 2


def test_a_curve_is_confirmed_on_half_the_cells_and_by_free_spins() -> None:
    structure = atlas().structures[1]
    finer, free = (check_job(structure, CONDITIONS, words) for words in (FINER, FREE))
    assert finer.microstructure().cell_nm == structure.cell_nm / 2
    assert finer.conditions.key == CONDITIONS.key
    assert (free.microstructure(), free.conditions.options) == (structure, {"spins": "free"})
    assert checks_of(CONDITIONS) == [FINER, FREE]
    assert checks_of(Conditions.of(Nd2Fe14B, FieldSweep(), spins="free")) == [FINER]
    with pytest.raises(InputError):
        check_job(structure, CONDITIONS, "a prayer")
