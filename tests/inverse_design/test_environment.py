"""What a user's machine, files and settings are like must not bring a command down: it works, or says one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from inverse_design.cli import app
from inverse_design.console import MOST_LETTERS, printable
from simulation import LabelStore, Microstructure, voronoi


def execute(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words: str | Path) -> str:
    done = execute(*words)
    said = done.stderr.strip()
    assert done.exit_code == 2, said or repr(done.exception)
    assert len(said.splitlines()) == 1
    return said


@pytest.fixture
def structure(tmp_path: Path) -> Path:
    path = tmp_path / "structure.npz"
    voronoi(20, 2, 4, 1.2, np.random.default_rng(1)).save(path)
    return path


def test_a_matplotlibrc_with_latex_and_fonts_that_are_not_there(structure: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.family: no such font\nfigure.dpi: 3\n")
    pictures = []
    for name, environment in (("own", {}), ("theirs", {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PATH": ""})):
        done = subprocess.run(
            [sys.executable, "-m", "inverse_design", "simulate", str(structure), "-o", str(tmp_path / name)],
            env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        pictures.append((tmp_path / name / "curve.png").read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("name", ["a[b]c", "[/]", "[bold]", "[red", "new\nline", "ä", b"\xff\xfe[x]"])
def test_a_path_may_be_called_anything(structure: Path, tmp_path: Path, name: str | bytes) -> None:
    """Square brackets are no markup, and a name need not be UTF-8; the sentence is on one line all the same."""
    folder = tmp_path / (os.fsdecode(name).replace("/", ":"))
    folder.mkdir()
    path = folder / "s.npz"
    Microstructure.load(structure).save(path)
    for words in ("simulate", "export --format npz", "export --format ovf", "export --format mumax3"):
        done = execute(*words.split(), path)
        assert done.exit_code == 0, done.stderr or repr(done.exception)
    LabelStore(folder / "a.sqlite").close()
    done = execute("merge", folder / "a.sqlite", "--store", folder / "b.sqlite")
    assert done.exit_code == 0, done.stderr or repr(done.exception)
    for command in ("status", "report", "evaluate"):
        refused(command, folder)
    refused("verify", folder, "--refine", "2")
    refused("merge", folder / "none.sqlite", "--store", folder / "b.sqlite")
    refused("check", folder / "none.yaml")


def test_an_export_is_written_where_it_was_meant(structure: Path, tmp_path: Path) -> None:
    """A missing folder does not become a file, nothing lands beside a folder, and no original is lost."""
    (tmp_path / "there").mkdir()
    (tmp_path / "labels.sqlite").write_bytes(b"labels")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for kind in ("npz", "ovf", "mumax3"):
        refused("export", structure, "--format", kind, "-o", structure)
        if kind != "npz":
            refused("export", structure, "--format", kind, "-o", tmp_path / "labels.sqlite")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    for _ in range(2):  # an export of before may be written over
        assert execute("export", structure, "--format", "mumax3", "-o", tmp_path / "new" / "a.mx3").exit_code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mx3"]
    for output in ("missing/", "there", "there/"):
        done = execute("export", structure, "--format", "mumax3", "-o", f"{tmp_path}/{output}")
        assert done.exit_code == 0, done.stderr
        assert [path.name for path in (tmp_path / output).iterdir()] == ["structure.mx3"]
        assert done.stdout == f"wrote {tmp_path / output / 'structure.mx3'}\n"


@pytest.mark.parametrize(
    ("output", "format", "says"),
    [("a.mx3", "ovf", ".mx3 is the suffix of mumax3"), ("a.ovf", "npz", ".ovf is the suffix of ovf"),
     ("a.txt", None, "no format has the suffix .txt"), ("a", "vtk", "--format must be one of")],
)  # fmt: skip
def test_a_format_that_its_suffix_contradicts_is_refused(
    structure: Path, tmp_path: Path, output: str, format: str | None, says: str
) -> None:
    words = [] if format is None else ["--format", format]
    assert says in refused("export", structure, "-o", tmp_path / output, *words)
    assert not (tmp_path / output).exists()


@pytest.mark.parametrize(
    ("output", "begins"), [("a.mx3", b"// Demagnetisation curve"), ("a.ovf", b"# OOMMF"), ("a.npz", b"PK")]
)
def test_the_suffix_says_the_format(structure: Path, tmp_path: Path, output: str, begins: bytes) -> None:
    assert execute("export", structure, "-o", tmp_path / output).exit_code == 0
    assert (tmp_path / output).read_bytes().startswith(begins)


def test_no_sentence_is_longer_than_a_person_reads() -> None:
    said = printable(f"card.json: layers must be few, got {tuple(range(100_000))}, not so many")
    assert len(said) < MOST_LETTERS + 20
    assert said.startswith("card.json: layers must be few")
    assert said.endswith("not so many")


def test_a_structure_that_the_solver_is_not_made_for_is_a_sentence(tmp_path: Path) -> None:
    """In `simulate` as in the remanence of `export`, which comes to H = 0 only."""
    for cell_nm, says in ((0.001, "too small beside sqrt(A/K1)"), (100.0, "gave no curve")):
        path = tmp_path / f"{cell_nm}.npz"
        voronoi(30 * cell_nm, cell_nm, 6, 1.5, np.random.default_rng(3)).save(path)
        for command in ("simulate", "export") if cell_nm < 1 else ("simulate",):
            said = refused(command, path)
            assert says in said
            assert said.startswith(f"error: {path}: ") or cell_nm < 1, "no file is a reason to refuse a mesh"
    assert not list(tmp_path.glob("*.ovf"))
