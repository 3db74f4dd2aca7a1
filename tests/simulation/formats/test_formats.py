"""Files for other solvers hold the same structure: OVF 2.0 and mumax3 scripts, read back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from simulation import FieldSweep, InputError, Microstructure, Nd2Fe14B, demagnetization_curve, voronoi
from simulation.formats import FORMATS, export_structure, remanence
from simulation.formats.mumax3 import mumax3_script
from simulation.formats.ovf import unit_vectors

# Neither square nor symmetric, so that swapped axes would show; grain 3 owns no cell.
LOPSIDED = Microstructure(
    np.array([[0, 0, 1, 1, 1], [0, 2, 2, 1, 1], [2, 2, 2, 4, 4]]), np.radians([10.0, -70.0, 90.0, 33.0, 10.0]), 1.5
)
SET_CELL = re.compile(r"for i := (\d+); i < (\d+); i\+\+ \{ regions\.SetCell\(i, (\d+), 0, (\d+)\) \}")
SET_AXIS = re.compile(r"anisU\.SetRegion\((\d+), vector\((\S+), (\S+), 0\)\)")


def script_axes(script: str) -> np.ndarray:
    """(ny, nx, 2) easy axis of every cell, by carrying out what a script says."""
    grid = re.search(r"SetGridSize\((\d+), (\d+), 1\)", script)
    assert grid is not None
    region = np.zeros((int(grid[2]), int(grid[1])), dtype=int)
    for start, stop, iy, number in SET_CELL.findall(script):
        region[int(iy), int(start) : int(stop)] = int(number)
    axes = {int(number): (float(x), float(y)) for number, x, y in SET_AXIS.findall(script)}
    assert max(axes) < 256
    return np.array([axes[number] for number in region.ravel()]).reshape(*region.shape, 2)


def axes_apart_rad(first: np.ndarray, second: np.ndarray) -> float:
    """Largest angle between easy axes."""
    across = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return float(np.arcsin(np.abs(across).max()))


@pytest.mark.parametrize("text", [True, False])
def test_discretisedfield_reads_our_ovf(tmp_path: Path, text: bool) -> None:
    df = pytest.importorskip("discretisedfield", reason="discretisedfield (extra `interop`) is missing")
    state = np.random.default_rng(1).normal(size=(3, 5, 3))
    files = export_structure(LOPSIDED, tmp_path / "grains.ovf", "ovf", remanent=state, text=text)
    assert [f.name for f in files] == ["grains.ovf", "grains-remanence.ovf"]
    for file, vectors, symbol in zip(files, (unit_vectors(LOPSIDED.angle_rad), state), "km", strict=True):
        field = df.Field.from_file(str(file))
        assert list(field.mesh.n) == [5, 3, 1]
        np.testing.assert_allclose(field.mesh.cell, 1.5e-9)
        np.testing.assert_allclose(field.mesh.region.pmin, 0, atol=1e-20)
        np.testing.assert_allclose(field.mesh.region.pmax, [7.5e-9, 4.5e-9, 1.5e-9])
        np.testing.assert_array_equal(field.array[:, :, 0].transpose(1, 0, 2), vectors)
        assert list(field.vdims) == ["x", "y", "z"]
        assert f"valuelabels: {symbol}_x" in file.read_bytes()[:2000].decode("ascii", "replace")


def test_ovf_text_lists_cells_with_x_running_fastest(tmp_path: Path) -> None:
    (file,) = export_structure(LOPSIDED, tmp_path / "a.ovf", "ovf", text=True)
    lines = file.read_text().splitlines()
    assert lines[0] == "# OOMMF OVF 2.0"
    rows = [[float(v) for v in line.split()] for line in lines if not line.startswith("#")]
    np.testing.assert_array_equal(np.reshape(rows, (3, 5, 3)), unit_vectors(LOPSIDED.angle_rad))


def test_ovf_binary_starts_with_the_check_value(tmp_path: Path) -> None:
    (file,) = export_structure(LOPSIDED, tmp_path / "a.ovf", "ovf")
    content = file.read_bytes()
    begin = content.index(b"# Begin: Data Binary 8\n") + len(b"# Begin: Data Binary 8\n")
    numbers = np.frombuffer(content[begin : begin + 8 * 46], "<f8")
    assert numbers[0] == 123456789012345.0
    np.testing.assert_array_equal(numbers[1:].reshape(3, 5, 3), unit_vectors(LOPSIDED.angle_rad))
    assert content[begin + 8 * 46 :] == b"\n# End: Data Binary 8\n# End: Segment\n"


def test_mumax3_script_rebuilds_every_easy_axis() -> None:
    for structure in (LOPSIDED, voronoi(60, 2.0, 20, np.pi / 2, np.random.default_rng(1))):
        script = mumax3_script(structure, Nd2Fe14B, FieldSweep())
        assert axes_apart_rad(script_axes(script), unit_vectors(structure.angle_rad)) < 1e-12
        assert "NOT QUITE THE SAME" not in script


def test_mumax3_script_says_when_grains_share_a_region() -> None:
    assert "5 grains share" not in mumax3_script(LOPSIDED, Nd2Fe14B, FieldSweep())
    assert "4 grains share 3 regions" in mumax3_script(LOPSIDED, Nd2Fe14B, FieldSweep())  # grains 0 and 4: one axis
    crowd = Microstructure(np.arange(400).reshape(20, 20), np.random.default_rng(2).uniform(-1.5, 1.5, 400))
    script = mumax3_script(crowd, Nd2Fe14B, FieldSweep())
    stated = re.search(r"off by up to (\S+) degrees\. THE STRUCTURE IS NOT QUITE THE SAME", script)
    assert stated is not None
    worst = np.degrees(axes_apart_rad(script_axes(script), unit_vectors(crowd.angle_rad)))
    assert worst == pytest.approx(float(stated[1]), rel=1e-2)
    assert 0 < worst <= np.degrees(3.0 / 256 / 2)  # never worse than equal parts of the range
    full = Microstructure(np.arange(256).reshape(16, 16), np.linspace(-1.5, 1.5, 256))
    assert (
        axes_apart_rad(script_axes(mumax3_script(full, Nd2Fe14B, FieldSweep())), unit_vectors(full.angle_rad)) < 1e-12
    )


@pytest.mark.parametrize("sweep", [FieldSweep(), FieldSweep(start=0.5, stop=-0.33, step=0.05)])
def test_mumax3_loop_visits_the_fields_of_the_sweep(sweep: FieldSweep) -> None:
    script = mumax3_script(LOPSIDED, Nd2Fe14B, sweep)
    loop = re.search(r"for B := (\S+); B > (\S+); B -= (\S+) \{", script)
    assert loop is not None
    field, bound, step = (float(value) for value in loop.groups())
    fields = []
    while field > bound:
        fields.append(field)
        field -= step
    np.testing.assert_allclose(fields, sweep.h * 2 * Nd2Fe14B.K1_J_per_m3 / Nd2Fe14B.Ms_A_per_m, atol=1e-11)
    assert f"Msat = {Nd2Fe14B.Js_T / (4e-7 * np.pi)!r}" in script


def test_mumax3_pushes_free_spins_out_of_the_plane_and_planar_ones_not() -> None:
    planar, free = (mumax3_script(LOPSIDED, Nd2Fe14B, FieldSweep(), spins=spins) for spins in ("planar", "free"))
    assert "B_ext = vector(0, B, 0)" in planar
    push = re.search(r"B_ext = vector\(0, B, (\S+)\)", free)
    assert push is not None
    assert float(push[1]) == pytest.approx(3e-3 * 2 * Nd2Fe14B.K1_J_per_m3 / Nd2Fe14B.Ms_A_per_m)
    assert "What differs from the planar solver" in planar
    assert "pushes the spins out of the plane" in free
    assert "stay in the plane" not in free


def test_npz_export_loads_again(tmp_path: Path) -> None:
    (file,) = export_structure(LOPSIDED, tmp_path / "a", "npz")
    assert Microstructure.load(file).content_hash == LOPSIDED.content_hash


def test_remanence_is_the_state_of_the_anchor() -> None:
    """In the middles of the cells, so that its mean goes to Mr with the square of the cell size."""

    def off(factor: int) -> float:
        structure = LOPSIDED.refine(factor)
        curve = demagnetization_curve(structure, sweep=FieldSweep(stop=0.0))
        return abs(float(remanence(structure)[..., 1].mean()) - curve.anchors.Mr)

    coarse, fine, finest = off(1), off(2), off(4)
    assert fine < coarse / 3
    assert finest < fine / 3
    assert finest < 3e-4


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format must be one of npz, ovf, mumax3"):
        export_structure(LOPSIDED, tmp_path / "a", "vtk")
    with pytest.raises(InputError, match="structure's shape"):
        export_structure(LOPSIDED, tmp_path / "a", "ovf", remanent=np.zeros((5, 3)))
    for name in FORMATS:
        with pytest.raises(InputError, match="cannot be written"):
            export_structure(LOPSIDED, tmp_path / "no folder" / "a.npz", name)


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    for name in FORMATS:
        with pytest.raises(InputError, match="a folder; name the file"):
            export_structure(LOPSIDED, tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_cannot_write_into_a_script() -> None:
    """A file may be called anything: what it is called stays in a comment."""
    plain = mumax3_script(LOPSIDED, Nd2Fe14B, FieldSweep(), "a b")
    for name in ("a\nMsat = 1", "a\rMsat = 1", "a\x0bMsat = 1", "a\u2028Msat = 1"):
        script = mumax3_script(LOPSIDED, Nd2Fe14B, FieldSweep(), name)
        assert "Demagnetisation curve of a?Msat = 1:" in script
        assert script.splitlines()[1:] == plain.splitlines()[1:]
