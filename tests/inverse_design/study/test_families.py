"""A study's family of structures: by its keys, or like a structure."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from inverse_design.commands.plan import describe, plan
from inverse_design.run import keys
from inverse_design.study.reading import load_study, parse_study
from inverse_design.study.study import study_text
from simulation import Purpose, StructureFamily

GOALS = "name: a\ngoals: {Mr: maximize}\n"


def test_keys_of_the_default_family_are_those_of_runs_that_there_are() -> None:
    study = load_study("studies/quickstart.yaml")
    assert keys.labels_key(study) == "6af00334a1574ac98d2f7b11151b233bd40759ce45faeed18bcfc9b0e765cbeb"
    assert keys.vae_key(study) == "865141944178a016af11aa0b3c1057c75be4419d34c79aed8a98b9070e2cce24"
    plain = {"size_nm": 80.0, "cell_nm": 2.0, "grains": [4, 32], "misorientation_deg": [0.0, 180.0]}
    assert study.microstructures.as_plain() == plain  # what the other keys say of it, too
    wide = parse_study(Path("studies/quickstart.yaml").read_text(), "q", ["microstructures.size_sigma=0.4"])
    assert keys.labels_key(wide) != keys.labels_key(study)
    assert keys.vae_key(wide) != keys.vae_key(study)


def test_a_family_by_its_keys(tmp_path: Path) -> None:
    family = "{size_nm: 80, grains: [8, 9], texture: von_mises, misorientation_deg: [5, 9], size_sigma: 0.2, aspect: 2}"
    study = parse_study(f"{GOALS}microstructures: {family}\n", "s")
    wanted = StructureFamily(80, 2, (8, 9), (math.radians(5), math.radians(9)), "von_mises", size_sigma=0.2, aspect=2)
    assert study.family == wanted
    said = describe(study, plan(study, tmp_path, False))[1]
    assert (
        "axes von Mises with a standard deviation of 5 to 9 degrees, log-normal diameters of sigma 0.2, 2 times" in said
    )


def test_a_family_like_a_structure_needs_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = StructureFamily(
        160, 2, (64, 64), (0.25, 0.25), "gaussian", direction_rad=0.3, size_sigma=0.2, aspect=1.6, elongation_rad=0.5
    )
    source.draw(1, Purpose.BENCHMARK, 0).save(tmp_path / "map.npz")
    study = parse_study(f"{GOALS}microstructures: {{like: map.npz, size_nm: 80}}\n", "s")
    part = study.microstructures
    assert part.grains == (13, 20)  # 16 on a quarter of the area
    assert part.size_sigma == pytest.approx(0.2, rel=0.25)  # 64 grains tell a spread to 9 %
    assert part.aspect == pytest.approx(1.6, rel=0.1)
    assert part.elongation_deg == pytest.approx(28.6, abs=8)
    assert part.direction_deg == pytest.approx(17.2, abs=5)
    assert part.misorientation_deg[0] < 14.3 < part.misorientation_deg[1]
    (tmp_path / "map.npz").unlink()
    again = parse_study(study_text(study), "run")
    assert again == study
    assert keys.labels_key(again) == keys.labels_key(study)
