"""The constants of the posterior near simulated structures are what the committed simulations say."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from inverse_design.candidates.error_model import LENGTHS, PERSISTENCE_NOISE
from simulation.labels.sets import load_label_set
from studies.benchmarks import neighbours, posterior
from studies.benchmarks.neighbours import DATA, SURROGATE, Measured, simulated
from studies.benchmarks.posterior import LENGTH_GRID, constants, fit
from surrogate import Surrogate


@pytest.fixture(scope="module")
def measured() -> Measured:
    return simulated([], DATA, Path())


def test_the_shipped_constants_lie_within_what_was_measured(measured: Measured) -> None:
    half = np.sqrt(LENGTH_GRID[1] / LENGTH_GRID[0])  # of a step of the grid: the bounds are known no better
    for name, constant in constants(measured).items():
        assert (constant.shipped >= constant.low / half).all(), name
        assert (constant.shipped <= constant.high * half).all(), name


def test_the_command_fits_without_simulating(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(neighbours, "Bench", None)
    monkeypatch.setattr(sys, "argv", ["posterior"])
    assert posterior.main() == 0
    assert "`LENGTHS`" in capsys.readouterr().out


def test_the_predictions_are_those_of_the_shipped_surrogate(measured: Measured) -> None:
    rows = np.arange(0, len(measured.kind), 40)
    labels, model = load_label_set(SURROGATE), Surrogate.load(SURROGATE)
    codes = model.encode([labels.structure(int(index)) for index in measured.label[rows]])
    errors = measured.errors[rows, measured.distance[rows].argmin(axis=1)]
    np.testing.assert_allclose(model.predict(codes)[0], measured.persist_mean[rows] - errors, atol=1e-3)


def test_the_fit_finds_the_constants_that_the_data_were_made_with(measured: Measured) -> None:
    rng, fair = np.random.default_rng(0), measured[~measured.model_optimized]
    truth = fair.posterior()
    moved, persisting = (
        rng.normal(*values)
        for values in ((truth.change_mean, truth.change_std), (truth.persist_mean, truth.persist_std))
    )
    made = np.where(rng.uniform(size=persisting.shape) < truth.persist_probability, persisting, moved)
    lengths, persistence_noise = fit(dataclasses.replace(fair, simulated=made), np.ones((1, len(fair.kind))))
    np.testing.assert_allclose(np.log(lengths[0] / LENGTHS), 0, atol=np.log(2))
    assert 0.5 * PERSISTENCE_NOISE < persistence_noise[0] < 2 * PERSISTENCE_NOISE
