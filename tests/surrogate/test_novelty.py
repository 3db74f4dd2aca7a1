"""What is unlike the training set says so and is predicted less surely; what is like it is predicted as ever."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from simulation import InputError, Microstructure, Purpose
from surrogate import Surrogate
from surrogate.novelty import FEWEST, NOVELTY, Novelty, widened
from tests.surrogate.conftest import FAMILY

Draw = Callable[[int], list[Microstructure]]


@pytest.fixture(scope="module")
def strange() -> list[Microstructure]:
    """One grain, and a chessboard of single cells, which no Voronoi map of 2 to 8 grains is like."""
    angles = np.array([0.0, np.pi / 2])
    board = np.indices((16, 16)).sum(axis=0) % 2
    return [Microstructure(board, angles), Microstructure(board.T, angles + 0.7)]


def test_structures_of_the_family_are_inside_and_others_are_not(
    surrogate: Surrogate, strange: list[Microstructure]
) -> None:
    fresh = surrogate.novelty(list(FAMILY.stream(7, Purpose.BENCHMARK, 0, 200)))
    assert (fresh > 1).mean() < 0.06, "about one in a hundred"
    assert (surrogate.novelty(strange) > 1).all()
    assert surrogate.novelty(strange[0]).shape == (1,)


def test_predictions_inside_stay_as_they_are_and_outside_they_widen(
    surrogate: Surrogate, draw: Draw, strange: list[Microstructure]
) -> None:
    inside = [structure for structure in draw(20) if surrogate.novelty(structure)[0] <= 1]
    mean, std = surrogate.predict(surrogate.encode(inside))
    again = surrogate.predict(inside)
    np.testing.assert_array_equal(mean, again[0])
    np.testing.assert_array_equal(std, again[1])
    mean, std = surrogate.predict(surrogate.encode(strange))
    widened_mean, wider = surrogate.predict(iter(strange))
    np.testing.assert_array_equal(mean, widened_mean)
    assert (wider > std).all()
    one = surrogate.predict(strange[0])
    assert one[0].shape == (1, 6)


def test_what_is_no_structure_and_no_code_is_refused(surrogate: Surrogate) -> None:
    for wrong in ("structure", [1, "two"], [None], np.zeros(3)):
        with pytest.raises(InputError, match=r"predict takes structures, or codes|latent codes must have shape"):
            surrogate.predict(wrong)  # type: ignore[arg-type]


def test_it_is_saved_with_the_surrogate_and_refused_if_it_is_of_another(
    surrogate: Surrogate, tmp_path: Path, draw: Draw
) -> None:
    surrogate.save(tmp_path / "s")
    loaded, structures = Surrogate.load(tmp_path / "s"), draw(5)
    np.testing.assert_allclose(loaded.novelty(structures), surrogate.novelty(structures), rtol=1e-6)
    assert surrogate.known is not None
    surrogate.known.save(tmp_path / "s", "another")
    with pytest.raises(InputError, match=r"novelty\.npz: not of this regressor"):
        Surrogate.load(tmp_path / "s")
    (tmp_path / "s" / NOVELTY).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"novelty\.npz: not a readable"):
        Surrogate.load(tmp_path / "s")
    np.savez(tmp_path / "s" / NOVELTY, reference=np.zeros((3, 2), np.float32), unit=1.0, regressor=np.array("x"))
    with pytest.raises(InputError, match=r"numbers of shape \(3, 2\)"):
        Surrogate.load(tmp_path / "s")
    (tmp_path / "s" / NOVELTY).unlink()
    assert np.isnan(Surrogate.load(tmp_path / "s").novelty(structures)).all(), "as of surrogates of before"


def test_a_handful_of_structures_tells_no_novelty(surrogate: Surrogate, draw: Draw) -> None:
    assert Novelty.of(surrogate.autoencoder, None, draw(FEWEST - 1)) is None
    blind = replace(surrogate, known=None)
    structures = draw(3)
    np.testing.assert_array_equal(blind.predict(structures)[1], surrogate.predict(surrogate.encode(structures))[1])


def test_the_unit_is_the_distance_of_the_farthest_in_a_hundred_of_those_left_out() -> None:
    numbers = np.random.default_rng(1).normal(size=(1600, 3))
    found = Novelty.of_numbers(numbers)
    assert found.score(np.random.default_rng(2).normal(size=(4000, 3))).__gt__(1).mean() == pytest.approx(
        0.01, abs=0.01
    )
    assert found.score(np.full((1, 3), 10.0))[0] > 3
    with pytest.raises(InputError, match="of another surrogate"):
        found.score(np.zeros((1, 4)))


def test_inside_the_width_is_the_same_to_the_last_bit() -> None:
    std = np.full((3, 6), 0.01)
    wide = widened(std, np.array([0.2, 1.0, 2.0]), np.full(6, 0.1))
    np.testing.assert_array_equal(wide[:2], std[:2])
    assert (wide[2] == np.hypot(0.01, 0.025)).all()


def test_a_surrogate_says_what_it_is_in_a_line(surrogate: Surrogate) -> None:
    said = repr(surrogate)
    assert said == "<Surrogate: structures of 16 x 16 cells of 2 nm, code of 12, 4 regressors>"
    for part in (surrogate.autoencoder, surrogate.regressor, surrogate.known):
        assert len(repr(part)) < 200
        assert "\n" not in repr(part)


def test_of_the_shipped_one_errors_outside_are_as_large_as_it_says() -> None:
    """The committed figures of `python -m studies.benchmarks.novelty`, where turned textures were off by 30 standard
    deviations."""
    text = (files("studies") / "benchmarks" / "novelty.csv").read_text(encoding="utf-8")
    rows = [{name: float(v) for name, v in row.items() if name != "kind"} for row in csv.DictReader(text.splitlines())]
    kinds = [row["kind"] for row in csv.DictReader(text.splitlines())]
    outside = [row for row in rows if row["novelty"] > 1]
    assert len(outside) >= 40

    def root_mean_square(name: str, of: list[dict[str, float]]) -> float:
        return float(np.sqrt(np.mean([row[name] ** 2 for row in of])))

    assert root_mean_square("rms_before", outside) > 3
    assert 0.8 < root_mean_square("rms", outside) < 1.2
    assert max(row["largest"] for row in outside) < 5
    family = [row for row, kind in zip(rows, kinds, strict=True) if kind == "family"]
    assert all(row["novelty"] < 1 and row["rms"] == row["rms_before"] for row in family)
    turned = [row for row, kind in zip(rows, kinds, strict=True) if kind.startswith("turned by 90, 10")]
    assert turned
    assert all(row["novelty"] > 2 for row in turned)
