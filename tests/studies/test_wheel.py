"""A built wheel behaves as a clone does: installed elsewhere, it finds its studies and its templates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inverse_design.report.page import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: a build leaves its own folders behind
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "runs", "build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", str(source), "-w", str(folder)], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-compile", "--target", str(folder / "site"), str(wheel)], check=True
    )
    return folder / "site"


def execute(installed: Path, code: str, folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_what_runs_and_brings_its_studies(installed: Path, tmp_path: Path) -> None:
    code = (
        "import simulation, surrogate, inverse_design, studies\n"
        "from importlib.resources import files\n"
        "from inverse_design.study.reading import load_study\n"
        "print(simulation.__file__)\n"
        "print(load_study(files('studies') / 'quickstart.yaml').name)\n"
        "print(len(load_study(files('studies') / 'measured.yaml').curve.points))"
    )
    place, name, points = execute(installed, code, tmp_path).split()
    for file in ("loop.csv", "map.ctf", "pairs.csv"):
        assert (installed / "studies" / "measured" / file).is_file()
    assert int(points) > 100  # of the loop that the study names
    assert Path(place).is_relative_to(installed)
    assert name == "quickstart"


def test_the_wheel_brings_the_report_and_no_tests(installed: Path, tmp_path: Path) -> None:
    for name in ("page.html.j2", "comparison.html.j2", "page.css", *SCRIPTS):
        assert (installed / "inverse_design" / "report" / name).is_file()
    assert not (installed / "tests").exists()


@pytest.mark.parametrize("package", ["simulation", "surrogate", "inverse_design", "studies"])
def test_the_wheel_says_that_its_packages_are_typed(installed: Path, package: str) -> None:
    assert (installed / package / "py.typed").is_file()


def test_the_wheel_brings_the_label_sets(installed: Path, tmp_path: Path) -> None:
    code = (
        "from simulation import load_labels, load_structures\n"
        "for name in ('nd2fe14b', 'nd2fe14b-elements', 'nd2fe14b-fidimag'):\n"
        "    table = load_labels(name)\n"
        "    print(len(table), load_structures(name, table.index[:1])[0].shape[0])"
    )
    assert execute(installed, code, tmp_path).split() == ["4000", "160", "4000", "160", "22", "160"]
    assert (installed / "studies" / "nd2fe14b" / "README.md").is_file()
    assert list((installed / "studies" / "nd2fe14b").glob("*.png"))
