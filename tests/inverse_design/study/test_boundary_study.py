"""Studies of magnets with a second phase between their grains, and that others are what they were."""

from __future__ import annotations

import numpy as np
import pytest

from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES, Column, structure_properties, with_boundaries
from inverse_design.run.keys import labels_key, rest_key, search_key, vae_key
from inverse_design.search.structure_guess import StructureGuess
from inverse_design.study.reading import load_study
from inverse_design.study.reading import parse_study as parse
from inverse_design.study.study import Study, study_text
from simulation import Boundary, Phase, voronoi


def parse_study(text: str) -> Study:
    return parse(text, "w.yaml")


PLAIN = "name: a\ngoals: {Hc: maximize, %s}\nmicrostructures: {size_nm: 80, grains: [4, 8]%s}\n"
BOUNDARY = ", boundary_nm: [0, 6], boundary: {Js_T: [0, 1.2], A_J_per_m: 5.0e-12}"


def test_the_family_of_a_study_has_its_boundary_and_hits_are_confirmed_as_others() -> None:
    study = parse_study(PLAIN % ("boundary_nm: minimize", BOUNDARY))
    assert study.family.boundary == Boundary((0.0, 6.0), (0.0, 1.2), 5e-12, 0.0)
    assert study.checks == ("finer", "free")
    assert parse_study(study_text(study)) == study
    goal = study.reduced_goals[1]
    assert (goal.quantity, goal.direction) == ("boundary_nm", "minimize")
    one = parse_study(PLAIN % ("boundary_Js_T: {between: [300 mT, 0.5]}", BOUNDARY.replace("[0, 1.2]", "0.5")))
    assert one.family.boundary == Boundary((0.0, 6.0), (0.5, 0.5), 5e-12, 0.0)
    assert one.reduced_goals[1] == Goal("boundary_Js_T", at_least=0.3, at_most=0.5)


def test_the_shipped_study_is_valid() -> None:
    study = load_study("studies/boundary.yaml")
    assert study.family.boundary is not None
    assert (study.labels.spins, study.checks) == ("free", ("finer",))


def test_keys_of_studies_without_a_boundary_are_what_they_were() -> None:
    study = load_study("studies/quickstart.yaml")
    assert [labels_key(study)[:16], vae_key(study)[:16], search_key(study, "r", 0)[:16], rest_key(study)[:16]] == [
        "6af00334a1574ac9",
        "865141944178a016",
        "5cd2775ba070d2fd",
        "9ca532afb0490194",
    ]
    without, with_one = (parse_study(PLAIN % ("Mr: maximize", more)) for more in ("", BOUNDARY))
    for key in (labels_key, vae_key, rest_key, lambda s: search_key(s, "r", 0)):
        assert key(without) != key(with_one)


def test_properties_say_how_thick_and_how_magnetic() -> None:
    grains = voronoi(40, 2, 4, 1.0, 1)
    at = [Column.boundary_nm - Column.grain_size_nm, Column.boundary_Js_T - Column.grain_size_nm]
    assert structure_properties(grains)[at].tolist() == [0.0, 0.0]
    assert structure_properties(grains.with_boundary(4, Phase(5e-12, 0.5)))[at].tolist() == [4.0, 0.5]


def test_arrays_of_older_runs_are_those_of_magnets_of_one_phase() -> None:
    old = np.arange(22.0).reshape(2, 11)
    new = with_boundaries(old)
    assert new.shape == (2, len(PROPERTIES))
    np.testing.assert_array_equal(new[:, :11], old)
    assert not new[:, 11:].any()
    assert with_boundaries(new) is new


@pytest.mark.parametrize("known", [True, False])
def test_a_search_is_told_what_lies_between_the_grains_of_a_code(known: bool) -> None:
    structures = [voronoi(40, 2, 4 + i, 1.0, i) for i in range(12)]
    codes = np.arange(12.0)[:, None]

    def decode(chosen: np.ndarray) -> np.ndarray:
        angle = np.stack([structures[int(i)].angle_rad for i in chosen[:, 0]])
        return np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=-1)

    guess = StructureGuess(decode, structures, codes, (lambda c: np.hstack([c, 2 * c])) if known else None)
    np.testing.assert_array_equal(guess(codes)[:, 3:], np.hstack([codes, 2 * codes]) if known else np.zeros((12, 2)))
