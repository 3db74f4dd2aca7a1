"""A map of another program on the command line: what it is, what was done to it, and every command that takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from inverse_design.cli import app
from simulation import FieldSweep, Microstructure, demagnetization_curve
from tests.simulation.formats.files_of_others import write_axes, write_tesr

SMALL = Microstructure(np.repeat(np.repeat([[0, 0, 1], [2, 1, 1]], 4, 0), 4, 1), np.radians([-20.0, 15.0, 40.0]), 2.0)


@pytest.fixture
def tesr(tmp_path: Path) -> Path:
    return write_tesr(tmp_path / "map.tesr", SMALL, descriptor="euler-bunge")


def test_show_says_what_a_map_is(tesr: Path) -> None:
    done = CliRunner().invoke(app, ["show", str(tesr), "--step-nm", "2", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["cells"], facts["cell_nm"], facts["grains"]) == ([8, 12], 2.0, 3)
    assert facts["size_nm"] == [24.0, 16.0]
    assert facts["grain_size_nm"]["largest"] == pytest.approx(2 * np.sqrt(48 / np.pi) * 2)
    assert facts["alignment"] == pytest.approx(np.cos(SMALL.angle_rad).mean())
    assert facts["filled"] == 0
    assert facts["out_of_plane_deg"]["largest"] == pytest.approx(0, abs=1e-4)
    lines = CliRunner().invoke(app, ["show", str(tesr), "--step-nm", "2"]).stdout.splitlines()
    assert lines[0] == "map.tesr: Neper raster tessellation (.tesr), 12 x 8 points of 2 x 2 nm"
    assert lines[1] == "  24 x 16 nm, 12 x 8 cells of 2 nm, 3 grains"


def test_a_command_leaves_void_what_has_no_orientation(tmp_path: Path) -> None:
    """Of a table of points those of grain 0."""
    ids = np.where(np.arange(12) < 3, 0, SMALL.grain_id + 1)
    points = "".join(f"{2 * x},{2 * y},{n}\n" for (y, x), n in np.ndenumerate(ids))
    (tmp_path / "map.csv").write_text("x_nm,y_nm,grain\n" + points)
    words = ["show", str(tmp_path / "map.csv"), "--axes", str(write_axes(tmp_path / "axes.csv", SMALL, first=1))]
    done = CliRunner().invoke(app, [*words, "--unindexed", "void"])
    assert done.exit_code == 0, done.output
    assert "  25 % of the points had no orientation: void, a phase without magnetism" in done.stdout.splitlines()
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "leave them void by --unindexed void" in refused.stderr.replace("\n", " ")


def test_show_draws(tesr: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["show", str(tesr), "--step-nm", "2", "--cell-nm", "1", "-o", str(tmp_path / "a.png")]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"wrote {tmp_path / 'a.png'}\n")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 1500
    refused = CliRunner().invoke(app, ["show", str(tesr), "-o", "a.txt"])
    assert refused.exit_code == 2
    assert "a.txt: a picture is written as .png, .svg or .pdf" in refused.stderr


def test_every_command_reads_a_map_by_the_same_options(tmp_path: Path) -> None:
    """Export, which costs least: a rectangle of numbers with its table becomes a structure of this package."""
    np.savetxt(tmp_path / "map.csv", SMALL.grain_id, fmt="%d", delimiter=",")
    axes = write_axes(tmp_path / "axes.csv", SMALL)
    words = ["export", str(tmp_path / "map.csv"), "--axes", str(axes), "--step-nm", "2", "-o", str(tmp_path / "b.npz")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert Microstructure.load(tmp_path / "b.npz") == SMALL
    for command in ("simulate", "predict", "export", "show"):
        refused = CliRunner().invoke(app, [command, str(tmp_path / "map.csv"), "--easy-axis", "[001]"])
        assert refused.exit_code == 2
        assert "map.csv: --easy-axis means nothing to a table (.csv)" in refused.stderr


def test_what_may_be_misunderstood_is_a_warning(tmp_path: Path) -> None:
    io = pytest.importorskip("orix.io", reason="orix (extra `maps`) is missing")
    from tests.simulation.formats.files_of_others import crystal_map

    io.save(str(tmp_path / "map.ang"), crystal_map(SMALL, np.random.default_rng(1)))
    words = ["export", str(tmp_path / "map.ang"), "-o", str(tmp_path / "a.npz")]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert "map.ang: the Euler angles are taken to refer to x to the right" in " ".join(said.stderr.split())
    assert "Euler" not in CliRunner().invoke(app, [*words, "--rotate", "0"]).stderr


def test_the_curve_of_a_map_is_that_of_the_structure(tesr: Path, tmp_path: Path) -> None:
    sweep = FieldSweep(1.0, -0.2, 0.1)
    words = ["export", str(tesr), "--step-nm", "2", "-o", str(tmp_path / "map.npz")]
    assert CliRunner().invoke(app, words).exit_code == 0
    found, own = (
        demagnetization_curve(each, sweep=sweep) for each in (Microstructure.load(tmp_path / "map.npz"), SMALL)
    )
    np.testing.assert_allclose(found.m, own.m, atol=1e-5)


def test_a_map_without_orix_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "orix":
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    (tmp_path / "map.ctf").write_text("Channel Text File\n")
    done = CliRunner().invoke(app, ["show", str(tmp_path / "map.ctf")])
    assert done.exit_code == 2
    assert "orix (and h5py, which comes with it) is needed for maps of EBSD: pip install '.[maps]'" in done.stderr
