"""A study is refused before anything runs, with file, line, key, what was given and what is allowed."""

from __future__ import annotations

import math
from importlib.resources import files

import pytest

from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import study_text

GOALS = "name: a\ngoals: {Mr: {target: 0.8, tolerance: 0.01}}\n"

WRONG_KEYS = [
    ("seeed: 1", "s.yaml:3: seeed:"),
    ("seed: abc", "s.yaml:3: seed:"),
    ("seed: 1.5", "s.yaml:3: seed:"),
    ("seed: true", "s.yaml:3: seed:"),
    ("seed: -1", "s.yaml:3: seed:"),
    ("labels: {count: 3}", "s.yaml:3: labels.count:"),
    ("labels: 3", "s.yaml:3: labels:"),
    ("labels: {count: 100, test: 90}", "s.yaml:3: labels.test:"),
    ("labels: {backend: fidimag, discretization: elements}", "s.yaml:3: labels.backend:"),
    ("labels: {backend: oommf}", "s.yaml:3: labels.backend:"),
    ("microstructures:\n  grains: [40, 4]", "s.yaml:4: microstructures.grains:"),
    ("microstructures: {grains: [4, 5, 6]}", "s.yaml:3: microstructures.grains:"),
    ("microstructures: {grains: 4}", "s.yaml:3: microstructures.grains:"),
    ("microstructures: {grains: [0, 4]}", "s.yaml:3: microstructures.grains.0:"),
    ("microstructures: {size_nm: 80, grains: [4, 5000]}", "s.yaml:3: microstructures.grains:"),
    ("microstructures: {size_nm: 81}", "s.yaml:3: microstructures.size_nm:"),
    ("microstructures: {size_nm: 8}", "s.yaml:3: microstructures.size_nm:"),
    ("microstructures: {misorientation_deg: [0, 270]}", "s.yaml:3: microstructures.misorientation_deg:"),
    ("microstructures: {misorientation_deg: [90, 0]}", "s.yaml:3: microstructures.misorientation_deg:"),
    ("field_sweep: {step: .nan}", "s.yaml:3: field_sweep.step:"),
    ("field_sweep: {step: 0}", "s.yaml:3: field_sweep.step:"),
    ("field_sweep: {start: -1, stop: 1}", "s.yaml:3: field_sweep.start:"),
    ("field_sweep: {stop: 0.5}", "s.yaml:3: field_sweep.stop:"),
    ("field_sweep: {until: remanence}", "s.yaml:3: field_sweep.until:"),
    ("material: Foo", "s.yaml:3: material:"),
    ("material: {A_J_per_m: 1.0e-12}", "s.yaml:3: material.Js_T:"),
    ("material: {A_J_per_m: -1, Js_T: 1, K1_J_per_m3: 1}", "s.yaml:3: material.A_J_per_m:"),
    ("search: {algorithm: foo}", "s.yaml:3: search.algorithm:"),
    ("search: {population: 2}", "s.yaml:3: search.population:"),
    ("surrogate: {regressor: {layut: x}}", "s.yaml:3: surrogate.regressor.layut:"),
    ("surrogate: {latent_dim: 99999}", "s.yaml:3: surrogate.latent_dim:"),
    ("surrogate: {cells_per_pixel: 3}", "s.yaml:3: surrogate.cells_per_pixel:"),
    ("surrogate: {regressor: {folds: 1}}", "s.yaml:3: surrogate.regressor.folds:"),
    ("surrogate: {encoding: rgb}", "s.yaml:3: surrogate.encoding:"),
    ("surrogate: {kl_weight: -0.1}", "s.yaml:3: surrogate.kl_weight:"),
    ("verification: {rounds: 0}", "s.yaml:3: verification.rounds:"),
    ("verification: {candidates: 500}", "s.yaml:3: verification.candidates:"),
    ("execution: {workers: many}", "s.yaml:3: execution.workers:"),
    ("seed: [1", "s.yaml:4:"),
    ("seed: 1\nseed: 2", "s.yaml:4:"),
    ("seed: !!python/object/apply:os.system ['true']", "s.yaml:3:"),
]

WRONG_GOALS = [
    ("Hx: maximize", "s.yaml:3: goals.Hx:"),
    ("Hc: bigger", "s.yaml:3: goals.Hc:"),
    ("Hc: 3", "s.yaml:3: goals.Hc:"),
    ("Hc: [1, 2]", "s.yaml:3: goals.Hc:"),
    ("Hc: {target: 2 kg, tolerance: 0.01}", "s.yaml:3: goals.Hc.target:"),
    ("Hc: {target: abc, tolerance: 1}", "s.yaml:3: goals.Hc.target:"),
    ("Hc: {target: [1], tolerance: 1}", "s.yaml:3: goals.Hc.target:"),
    ("Hc: {targt: 3}", "s.yaml:3: goals.Hc.targt:"),
    ("Hc: {target: 0.3}", "s.yaml:3: goals.Hc:"),
    ("Hc: {tolerance: 0.3}", "s.yaml:3: goals.Hc:"),
    ("Hc: {}", "s.yaml:3: goals.Hc:"),
    ("Hc: {target: 0.3, tolerance: 0.1, at_least: 0.2}", "s.yaml:3: goals.Hc:"),
    ("Hc: {maximize: true, minimize: true}", "s.yaml:3: goals.Hc:"),
    ("Hc: {at_least: 0.3}", "s.yaml:2: goals:"),
    ("Hc: {between: [0.4, 0.3], maximize: true}", "s.yaml:3: goals.Hc:"),
    ("Hc: {between: [1, 2, 3]}", "s.yaml:3: goals.Hc.between:"),
    ("Hc: {between: [0.1, 0.2], at_least: 0.1}", "s.yaml:3: goals.Hc.between:"),
    ("Mr: {target: 1.2, tolerance: 0.01}", "s.yaml:3: goals.Mr.target:"),
    ("Hc: {target: 1.5, tolerance: 0.01}", "s.yaml:3: goals.Hc.target:"),
    ("Hc: {target: 10 MA/m, tolerance: 0.01}", "s.yaml:3: goals.Hc.target:"),
    ("Hc: {target: 0.3, tolerance: 0}", "s.yaml:3: goals.Hc.tolerance:"),
    ("Mr: {target: 0.9, tolerance: 0.01}\n  M1: {at_most: 0.8}", "s.yaml:3: goals.Mr:"),
    ("Hk90: {target: 0.5, tolerance: 0.01}\n  Hc: {target: 0.3, tolerance: 0.01}", "s.yaml:3: goals.Hk90:"),
]


@pytest.mark.parametrize(("text", "place"), WRONG_KEYS, ids=[text for text, _ in WRONG_KEYS])
def test_a_wrong_key_is_refused_with_file_line_and_key(text: str, place: str) -> None:
    assert refusal(GOALS + text + "\n").startswith(f"{place} ")


@pytest.mark.parametrize(("text", "place"), WRONG_GOALS, ids=[text for text, _ in WRONG_GOALS])
def test_a_wrong_goal_is_refused_with_file_line_and_key(text: str, place: str) -> None:
    assert refusal(f"name: a\ngoals:\n  {text}\n").startswith(f"{place} ")


def refusal(text: str) -> str:
    """The one line that refuses a study."""
    with pytest.raises(StudyError) as caught:
        parse_study(text, "s.yaml")
    (line,) = str(caught.value).splitlines()
    return line


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


def test_hits_are_confirmed_by_elements_and_not_by_cells_unless_the_study_says_so() -> None:
    """What was taken stands in the study as run, so that it reads back the same."""
    for text, checks in (
        ("", ("finer", "free")),
        ("labels: {spins: free}\n", ("finer",)),
        ("labels: {discretization: cells, spins: free}\n", ()),
        ("verification: {confirm: free}\n", ("free",)),
        ("labels: {discretization: cells}\n", ()),
        ("verification: {backend: fidimag}\n", ()),
        ("verification: {confirm: none}\n", ()),
        ("verification: {confirm: [finer, finer]}\n", ("finer",)),
        ("labels: {discretization: cells}\nverification: {confirm: finer}\n", ("finer",)),
    ):
        study = parse_study(GOALS + text, "s.yaml")
        assert study.checks == checks, text
        assert parse_study(study_text(study), "again.yaml") == study
    for wrong in ("coarser", "[none]", "3", "true", "{finer: 2}"):
        with pytest.raises(
            StudyError, match=r"verification\.confirm: must be none, finer, free or a list of checks, got "
        ):
            parse_study(GOALS + f"verification: {{confirm: {wrong}}}\n", "s.yaml")


def test_free_spins_are_the_built_in_solvers_and_no_check_of_themselves() -> None:
    for text, key, words in (
        ("labels: {spins: free}\nverification: {confirm: [finer, free]}\n", "verification.confirm", "free already"),
        ("labels: {spins: free, backend: fidimag}\n", "labels.spins", "fidimag does not know free"),
        ("labels: {spins: free}\nverification: {backend: fidimag}\n", "labels.spins", "fidimag does not know free"),
        ("verification: {backend: fidimag, confirm: free}\n", "verification.confirm", "fidimag does not know free"),
        ("labels: {spins: upwards}\n", "labels.spins", "upwards"),
    ):
        assert f"{key}: " in refusal(GOALS + text)
        assert words in refusal(GOALS + text)


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
