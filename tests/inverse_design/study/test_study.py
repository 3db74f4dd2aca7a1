"""A study is refused before anything runs, with file, line, key, what was given and what is allowed."""

from __future__ import annotations

import math
from importlib.resources import files

import pytest

from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import study_text

GOALS = "name: a\ngoals: {Mr: {target: 0.8, tolerance: 0.01}}\n"

WRONG_KEYS = [
    ("seeed: 1", "s.yaml:3: seeed: unknown key; did you mean seed?"),
    ("seed: abc", "s.yaml:3: seed: must be a whole number, got 'abc'"),
    ("seed: 1.5", "s.yaml:3: seed: must be a whole number, got 1.5"),
    ("seed: true", "s.yaml:3: seed: must be a whole number, got True"),
    ("seed: -1", "s.yaml:3: seed: must be at least 0, got -1"),
    ("labels: {count: 3}", "s.yaml:3: labels.count: must be at least 8, got 3"),
    ("labels: 3", "s.yaml:3: labels: must be a mapping of keys, got 3"),
    ("labels: {count: 100, test: 90}", "s.yaml:3: labels.test: must be at most half of labels.count (100), got 90"),
    (
        "labels: {backend: fidimag, discretization: elements}",
        "s.yaml:3: labels.backend: fidimag simulates by cells only",
    ),
    ("labels: {backend: oommf}", "s.yaml:3: labels.backend: must be 'planar' or 'fidimag', got 'oommf'"),
    ("microstructures:\n  grains: [40, 4]", "s.yaml:4: microstructures.grains: must be [low, high], got the reversed"),
    ("microstructures: {grains: [4, 5, 6]}", "s.yaml:3: microstructures.grains: must be a pair [low, high]"),
    ("microstructures: {grains: 4}", "s.yaml:3: microstructures.grains: must be a pair [low, high], got 4"),
    ("microstructures: {grains: [0, 4]}", "s.yaml:3: microstructures.grains.0: must be at least 1, got 0"),
    ("microstructures: {size_nm: 80, grains: [4, 5000]}", "at most 1600 grains fit (one cell each), got 5000"),
    ("microstructures: {size_nm: 81}", "s.yaml:3: microstructures.size_nm: size_nm must be a whole number of cells"),
    ("microstructures: {size_nm: 8}", "must give 8 to 1024 cells along an edge, got 4"),
    ("microstructures: {misorientation_deg: [0, 270]}", "must lie within 0 to 180 degrees"),
    ("microstructures: {misorientation_deg: [90, 0]}", "got the reversed range"),
    ("field_sweep: {step: .nan}", "s.yaml:3: field_sweep.step: must be a finite number, got nan"),
    ("field_sweep: {step: 0}", "s.yaml:3: field_sweep.step: must be above 0, got 0"),
    ("field_sweep: {start: -1, stop: 1}", "s.yaml:3: field_sweep.start: must be 1 to 10 H_A"),
    ("field_sweep: {stop: 0.5}", "s.yaml:3: field_sweep.stop: must be -10 to -0.05 H_A"),
    ("field_sweep: {until: remanence}", "s.yaml:3: field_sweep.until: must be 'coercivity', got 'remanence'"),
    ("material: Foo", "s.yaml:3: material: unknown material 'Foo'; allowed: Nd2Fe14B"),
    ("material: {A_J_per_m: 1.0e-12}", "s.yaml:3: material.Js_T: this key is required"),
    (
        "material: {A_J_per_m: -1, Js_T: 1, K1_J_per_m3: 1}",
        "s.yaml:3: material.A_J_per_m: must be at least 1e-15, got -1",
    ),
    ("search: {algorithm: foo}", "s.yaml:3: search.algorithm: must be 'nsga2', 'nsga3'"),
    ("search: {population: 2}", "s.yaml:3: search.population: must be at least 4, got 2"),
    ("surrogate: {regressor: {layut: x}}", "s.yaml:3: surrogate.regressor.layut: unknown key; did you mean layout?"),
    ("surrogate: {latent_dim: 99999}", "s.yaml:3: surrogate.latent_dim: must be at most 4096 for this grid, got 99999"),
    ("surrogate: {cells_per_pixel: 3}", "s.yaml:3: surrogate.cells_per_pixel: must divide the 160 cells of an edge"),
    ("surrogate: {regressor: {folds: 1}}", "s.yaml:3: surrogate.regressor.folds: must be 0 (every member"),
    ("surrogate: {encoding: rgb}", "s.yaml:3: surrogate.encoding: must be 'kx' or 'double_angle', got 'rgb'"),
    ("surrogate: {kl_weight: -0.1}", "s.yaml:3: surrogate.kl_weight: must be at least 0, got -0.1"),
    ("verification: {rounds: 0}", "s.yaml:3: verification.rounds: must be at least 1, got 0"),
    ("verification: {candidates: 500}", "s.yaml:3: verification.candidates: must be at most search.population (128)"),
    ("execution: {workers: many}", "s.yaml:3: execution.workers: must be a whole number of at least 1, or auto"),
    ("seed: [1", "s.yaml:4: not valid YAML"),
    ("seed: 1\nseed: 2", "s.yaml:4: not valid YAML: found duplicate key"),
    ("seed: !!python/object/apply:os.system ['true']", "s.yaml"),
]

WRONG_GOALS = [
    (
        "Hx: maximize",
        "goals.Hx: nothing of the name 'Hx' can be asked for; allowed: M1, Mr, Hk90, Hk80, Hk70, Hc, squareness",
    ),
    ("Hc: bigger", "goals.Hc: must be maximize, minimize or a mapping of target"),
    ("Hc: 3", "goals.Hc: must be maximize, minimize or a mapping of target"),
    ("Hc: [1, 2]", "goals.Hc: must be maximize, minimize or a mapping of target"),
    ("Hc: {target: 2 kg, tolerance: 0.01}", "goals.Hc.target: '2 kg' is not a field; allowed: a plain number"),
    ("Hc: {target: abc, tolerance: 1}", "goals.Hc.target: 'abc' is not a number with a unit"),
    ("Hc: {target: [1], tolerance: 1}", "goals.Hc.target: must be a number (reduced units) or a number with a unit"),
    ("Hc: {targt: 3}", "goals.Hc.targt: unknown key; did you mean target?"),
    ("Hc: {target: 0.3}", "goals.Hc: a target needs a tolerance"),
    ("Hc: {tolerance: 0.3}", "goals.Hc: a target needs a tolerance"),
    ("Hc: {}", "goals.Hc: must be maximize, minimize, or have target and tolerance"),
    ("Hc: {target: 0.3, tolerance: 0.1, at_least: 0.2}", "goals.Hc: a target goes with a tolerance and with nothing"),
    ("Hc: {maximize: true, minimize: true}", "goals.Hc: cannot be both maximize and minimize"),
    ("Hc: {at_least: 0.3}", "goals: at least one goal must be a target, maximize or minimize"),
    ("Hc: {between: [0.4, 0.3], maximize: true}", "goals.Hc: the range 0.4 to 0.3 is reversed"),
    ("Hc: {between: [1, 2, 3]}", "goals.Hc.between: must be a pair [low, high]"),
    ("Hc: {between: [0.1, 0.2], at_least: 0.1}", "goals.Hc.between: stands for at_least and at_most"),
    ("Mr: {target: 1.2, tolerance: 0.01}", "goals.Mr.target: must lie within 0 to 1 Ms, got 1.2 Ms"),
    ("Hc: {target: 1.5, tolerance: 0.01}", "goals.Hc.target: must lie within 0 to 1 H_A, got 1.5 H_A"),
    ("Hc: {target: 10 MA/m, tolerance: 0.01}", "goals.Hc.target: must lie within 0 to 1 H_A, got 1.91667 H_A"),
    ("Hc: {target: 0.3, tolerance: 0}", "goals.Hc.tolerance: must be above 0"),
    ("Mr: {target: 0.9, tolerance: 0.01}\n  M1: {at_most: 0.8}", "goals.Mr: asks for 0.89 or more, above M1"),
    (
        "Hk90: {target: 0.5, tolerance: 0.01}\n  Hc: {target: 0.3, tolerance: 0.01}",
        "goals.Hk90: asks for 0.49 or more, above Hc (0.31 at most)",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG_KEYS, ids=[text for text, _ in WRONG_KEYS])
def test_a_wrong_key_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(GOALS + text + "\n", "s.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "sentence"), WRONG_GOALS, ids=[text for text, _ in WRONG_GOALS])
def test_a_wrong_goal_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(f"name: a\ngoals:\n  {text}\n", "s.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "3\n", "name: a\n", "goals: {}\n", "name: ../up\ngoals: {Mr: maximize}\n"]
)
def test_what_is_no_study_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"s\.yaml:1: "):
        parse_study(text, "s.yaml")


def test_one_objective_algorithm_is_refused_for_several() -> None:
    text = "name: a\ngoals: {Mr: maximize, Hc: maximize}\nsearch: {algorithm: ga}\n"
    with pytest.raises(StudyError, match="'ga' serves one objective only; for several: nsga2"):
        parse_study(text, "s.yaml")


def test_elements_are_the_default_but_with_fidimag() -> None:
    """fidimag knows cells only, and a study that has it label or verify gets them without a word."""
    assert parse_study(GOALS, "s.yaml").labels.discretization == "elements"
    for text in ("labels: {backend: fidimag}\n", "verification: {backend: fidimag}\n"):
        study = parse_study(GOALS + text, "s.yaml")
        assert study.labels.discretization == "cells"
        assert parse_study(study_text(study), "again.yaml") == study


def test_a_missing_file_is_one_sentence() -> None:
    with pytest.raises(StudyError, match=r"nowhere\.yaml: cannot be read"):
        load_study("nowhere.yaml")


def test_units_become_reduced_values() -> None:
    goals = "Mr: {target: 1.288 T, tolerance: 0.0161 T}\n  Hc: {target: 2.0869565 MA/m, tolerance: 65.6 mT}"
    mr, hc = parse_study(f"name: a\ngoals:\n  {goals}\n", "s.yaml").reduced_goals
    assert mr.target == pytest.approx(0.8)
    assert mr.tolerance == pytest.approx(0.01)
    assert hc.target == pytest.approx(0.4, rel=1e-6)  # H_A = 2 K1 / Js = 5.217 MA/m
    assert hc.tolerance == pytest.approx(0.01, rel=1e-2)  # mu0 H_A = 6.556 T


def test_set_replaces_and_adds_keys() -> None:
    study = parse_study(GOALS, "s.yaml", ["seed=7", "labels.count=99", "goals.Hc=maximize"])
    assert (study.seed, study.labels.count, len(study.reduced_goals)) == (7, 99, 2)


@pytest.mark.parametrize("override", ["seed", "=3", "a..b=1", "seed.x=1"])
def test_a_wrong_override_is_refused(override: str) -> None:
    with pytest.raises(StudyError, match="--set"):
        parse_study(GOALS + "seed: 1\n", "s.yaml", [override])


def test_a_wrong_override_names_its_origin() -> None:
    with pytest.raises(StudyError, match=r"s\.yaml \(--set\): seed: must be a whole number"):
        parse_study(GOALS, "s.yaml", ["seed=x"])


def test_shipped_studies_are_valid() -> None:
    found = [item for item in files("studies").iterdir() if item.name.endswith(".yaml")]
    assert {"quickstart.yaml", "paper.yaml"} <= {item.name for item in found}
    for item in found:
        parse_study(item.read_text(encoding="utf-8"), item.name)


def test_the_paper_study_carries_the_papers_numbers() -> None:
    study = parse_study((files("studies") / "paper.yaml").read_text(encoding="utf-8"), "paper.yaml")
    part, labels = study.surrogate, study.labels
    assert study.family.cells == 160
    assert study.family.grains == (16, 256)
    assert study.family.misorientation_rad == (0.0, math.pi)
    assert (labels.count, labels.test) == (3977, 370)
    assert (part.encoding, part.latent_dim, part.unlabelled) == ("kx", 512, 320000)
    assert (part.epochs, part.batch, part.learning_rate) == (400, 64, 1e-4)
    assert (part.regressor.layout, part.regressor.epochs, part.regressor.batch) == ("paper", 753, 16)
    assert part.regressor.learning_rate == 1e-4
