"""The same map through every door is the same structure, and a wrong file gets a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulation import VOID, InputError, Microstructure, voronoi
from simulation.formats import Imported, ReadOptions, export_structure, read_structure
from simulation.formats.ovf import unit_vectors
from simulation.formats.segmentation import misorientation_cosine
from simulation.microstructure import axis_angle
from simulation.pictures.axis_colors import palette, palette_index
from tests.simulation.formats.files_of_others import (
    STEP_UM,
    crystal_map,
    from_the_top,
    write_axes,
    write_ctf,
    write_h5oina,
    write_points,
    write_tesr,
)

STEP_NM = STEP_UM * 1e3


def canonical(structure: Microstructure) -> Microstructure:
    """Grains in the order in which the cells name them."""
    used, first = np.unique(structure.grain_id, return_index=True)
    order = used[np.argsort(first)]
    number = np.zeros(used.max() + 1, dtype=int)
    number[order] = np.arange(order.size)
    return Microstructure(number[structure.grain_id], structure.grain_angle_rad[order], structure.cell_nm)


def a_map() -> Microstructure:
    """Neither square nor symmetric; neighbours differ by far more than 5 degrees."""
    drawn = voronoi(24 * STEP_NM, STEP_NM, 9, 1.0, np.random.default_rng(4))
    angle = np.radians([-60.0, 10.0, 80.0, -25.0, 45.0, -85.0, 25.0, -40.0, 62.0])
    return canonical(Microstructure(drawn.grain_id[:17], angle, STEP_NM))


MAP = a_map()


def ang(folder: Path) -> tuple[Path, ReadOptions]:
    from orix import io

    path = folder / "map.ang"
    io.save(str(path), crystal_map(MAP, np.random.default_rng(1)))
    return path, ReadOptions(rotate_deg=0.0)


def orix_h5(folder: Path) -> tuple[Path, ReadOptions]:
    from orix import io

    path = folder / "map.h5"
    io.save(str(path), crystal_map(MAP, np.random.default_rng(1)))
    return path, ReadOptions()


def ctf(folder: Path) -> tuple[Path, ReadOptions]:
    return write_ctf(folder / "map.ctf", from_the_top(MAP, np.random.default_rng(1)), MAP.shape), ReadOptions()


def comma_ctf(folder: Path) -> tuple[Path, ReadOptions]:
    euler = from_the_top(MAP, np.random.default_rng(1))
    return write_ctf(folder / "map.ctf", euler, MAP.shape, comma=True), ReadOptions()


def h5oina(folder: Path) -> tuple[Path, ReadOptions]:
    return write_h5oina(folder / "map.h5oina", MAP, np.random.default_rng(1)), ReadOptions()


def tesr(form: str, descriptor: str) -> Callable[[Path], tuple[Path, ReadOptions]]:
    def door(folder: Path) -> tuple[Path, ReadOptions]:
        return write_tesr(folder / "map.tesr", MAP, form, descriptor), ReadOptions(step_nm=STEP_NM)

    return door


def points(what: str) -> Callable[[Path], tuple[Path, ReadOptions]]:
    def door(folder: Path) -> tuple[Path, ReadOptions]:
        axes = write_axes(folder / "axes.csv", MAP, first=1) if what == "ids" else None
        return write_points(folder / "map.csv", MAP, what, np.random.default_rng(1)), ReadOptions(axes=axes)

    return door


def rectangle(folder: Path) -> tuple[Path, ReadOptions]:
    np.savetxt(folder / "map.csv", MAP.grain_id, fmt="%d", delimiter=",")
    return folder / "map.csv", ReadOptions(axes=write_axes(folder / "axes.csv", MAP), step_nm=STEP_NM)


def rectangle_of_angles(folder: Path) -> tuple[Path, ReadOptions]:
    np.savetxt(folder / "map.txt", np.degrees(MAP.angle_rad))
    return folder / "map.txt", ReadOptions(degrees=True, step_nm=STEP_NM)


def labels(suffix: str) -> Callable[[Path], tuple[Path, ReadOptions]]:
    def door(folder: Path) -> tuple[Path, ReadOptions]:
        kind = np.uint8 if suffix == "png" else np.uint16
        Image.fromarray(MAP.grain_id[::-1].astype(kind)).save(folder / f"map.{suffix}")
        axes = write_axes(folder / "axes.csv", MAP)
        return folder / f"map.{suffix}", ReadOptions(axes=axes, step_nm=STEP_NM)

    return door


def colors(folder: Path) -> tuple[Path, ReadOptions]:
    """This package's own colours, whole degrees."""
    Image.fromarray(palette()[palette_index(MAP.angle_rad)][::-1]).save(folder / "map.png")
    return folder / "map.png", ReadOptions(colors="axis", step_nm=STEP_NM)


def own_ovf(folder: Path) -> tuple[Path, ReadOptions]:
    return export_structure(MAP, folder / "map.ovf", "ovf")[0], ReadOptions()


def ubermag(form: str) -> Callable[[Path], tuple[Path, ReadOptions]]:
    def door(folder: Path) -> tuple[Path, ReadOptions]:
        df = pytest.importorskip("discretisedfield", reason="discretisedfield (extra `interop`) is missing")
        ny, nx = MAP.shape
        cell = STEP_NM * 1e-9
        mesh = df.Mesh(p1=(0, 0, 0), p2=(nx * cell, ny * cell, cell), n=(nx, ny, 1))
        k = -unit_vectors(MAP.angle_rad)  # tails for heads
        field = df.Field(mesh, nvdim=3, value=k.transpose(1, 0, 2)[:, :, None])
        field.to_file(str(folder / "map.ovf"), representation=form)
        return folder / "map.ovf", ReadOptions()

    return door


def mumax3_regions(folder: Path) -> tuple[Path, ReadOptions]:
    """As mumax3 saves `regions`: one component, 4 bytes."""
    (path,) = export_structure(MAP, folder / "map.ovf", "ovf")
    head = path.read_bytes().split(b"# Begin: Data")[0]
    head = head.replace(b"valuedim: 3", b"valuedim: 1").replace(b"valuelabels: k_x k_y k_z", b"valuelabels: regions")
    numbers = np.concatenate([[1234567.0], MAP.grain_id.ravel()]).astype("<f4").tobytes()
    path.write_bytes(head + b"# Begin: Data Binary 4\n" + numbers + b"\n# End: Data Binary 4\n# End: Segment\n")
    return path, ReadOptions(axes=write_axes(folder / "axes.csv", MAP))


NEEDS_ORIX = (ang, orix_h5, ctf, comma_ctf, h5oina)
DOORS = {
    **{door.__name__: door for door in NEEDS_ORIX},
    "tesr": tesr("ascii", "rodrigues:active"),
    "tesr, binary": tesr("binary16", "euler-bunge"),
    "tesr, 8 bits": tesr("binary8", "quaternion:passive"),
    "tesr, 32 bits": tesr("binary32", "rotmat:active"),
    "tesr, big-endian": tesr("binary16_big", "axis-angle:active"),
    "tesr, Kocks": tesr("ascii", "euler-kocks"),
    "tesr, Roe": tesr("ascii", "euler-roe:active"),
    "points": points("angle"),
    "points of DREAM3D": points("euler"),
    "points with ids": points("ids"),
    "points with directions": points("direction"),
    "rectangle": rectangle,
    "rectangle of angles": rectangle_of_angles,
    "png": labels("png"),
    "tiff": labels("tif"),
    "colours": colors,
    "ovf": own_ovf,
    "ovf of Ubermag, text": ubermag("txt"),
    "ovf of Ubermag, 4 bytes": ubermag("bin4"),
    "ovf of Ubermag, 8 bytes": ubermag("bin8"),
    "regions of mumax3": mumax3_regions,
}


@pytest.mark.parametrize("name", DOORS)
def test_the_same_map_through_every_door(tmp_path: Path, name: str) -> None:
    """So the same curve: the solver is given the same structure."""
    if DOORS[name] in NEEDS_ORIX:
        pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    path, options = DOORS[name](tmp_path)
    found = Microstructure.load(path, options=options)
    np.testing.assert_array_equal(found.grain_id, MAP.grain_id)
    off_deg = np.degrees(np.abs(axis_angle(found.grain_angle_rad - MAP.grain_angle_rad)))
    assert off_deg.max() < 2e-3  # .ang holds five decimals
    assert found.cell_nm == pytest.approx(STEP_NM, rel=1e-6)


def read_ctf(folder: Path, options: ReadOptions | None = None, **how: Any) -> Imported:
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    euler = how.pop("euler", None)
    euler = from_the_top(MAP, np.random.default_rng(1)) if euler is None else euler
    return read_structure(write_ctf(folder / "map.ctf", euler, MAP.shape, **how), options)


def test_a_hexagonal_grid_is_resampled_by_the_nearest_point(tmp_path: Path) -> None:
    """A straight boundary stays where it is, within half a row and half a cell."""
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    dx, rows, columns = 0.04, 31, 28
    row, column = np.divmod(np.arange(rows * columns), columns)
    x, y = (column + row % 2 / 2) * dx, row * dx * np.sqrt(3) / 2
    euler = np.where((y > 0.55)[:, None], [2.0, np.pi / 2, 0.3], [0.4, np.pi / 2, 1.0])
    lines = ["# GRID: HexGrid", "# Phase 1", "# MaterialName  SmCo5", "# Symmetry  62"]
    lines += ["# LatticeConstants 5.0 5.0 4.0 90.0 90.0 120.0", "# NumberFamilies 0"]
    lines += [" ".join(f"{v:.5f}" for v in (*e, a, b, 1, 1)) + " 1 1 1" for e, a, b in zip(euler, x, y, strict=True)]
    (tmp_path / "map.ang").write_text("\n".join(lines) + "\n")
    found = read_structure(tmp_path / "map.ang", ReadOptions(cell_nm=10.0, rotate_deg=0.0))
    assert found.structure.grains == 2
    assert any("hexagonal" in note for note in found.notes)
    assert found.structure.shape == (107, 112)
    upper = found.structure.grain_id[:, 40] != found.structure.grain_id[0, 40]
    boundary_nm = rows * dx * np.sqrt(3) / 2 * 1e3 - np.flatnonzero(upper)[0] * 10.0  # from the upper edge
    from_the_first_row = boundary_nm - dx * np.sqrt(3) / 4 * 1e3
    assert abs(from_the_first_row - 550) <= dx * np.sqrt(3) / 4 * 1e3 + 5


def test_points_without_an_orientation_are_a_phase_of_their_own_where_that_is_asked_for(tmp_path: Path) -> None:
    """However many they are; and what is an error of the indexing is filled all the same."""
    lost = np.random.default_rng(2).random(MAP.shape) < 0.3
    euler = from_the_top(MAP, np.random.default_rng(1))
    wrong = (~lost[::-1]).ravel().argmax()  # one point of a crystal of its own
    euler[wrong] += [0.7, 0.0, 0.0]
    path = write_ctf(tmp_path / "map.ctf", euler, MAP.shape, phase=(~lost[::-1]).ravel().astype(int))
    found = read_structure(path, ReadOptions(unindexed="void", least_pixels=2))
    assert found.void == pytest.approx(lost.mean())
    assert 0 < found.filled < 0.1
    np.testing.assert_array_equal(found.structure.phase_map, lost)
    assert found.structure.phases == (VOID,)
    off_deg = np.degrees(np.abs(axis_angle(found.structure.angle_rad - MAP.angle_rad)))
    assert np.mean(off_deg[~lost] < 0.01) > 0.95
    finer = read_structure(path, ReadOptions(unindexed="void", least_pixels=2, cell_nm=STEP_NM / 2)).structure
    np.testing.assert_array_equal(finer.phase_map, np.kron(lost, np.ones((2, 2))))
    with pytest.raises(InputError, match="not a single point"):
        read_ctf(tmp_path, ReadOptions(unindexed="void"), phase=np.zeros(lost.size, int))
    with pytest.raises(InputError, match="--unindexed must be one of fill, void, got 'none'"):
        ReadOptions(unindexed="none")


def test_a_void_pixel_of_a_table_is_none_of_its_grains(tmp_path: Path) -> None:
    """FeatureIds count from 1: 0 is where there is nothing."""
    ids = MAP.grain_id + 1
    ids[5:9, 3:6] = 0
    path = write_points(tmp_path / "map.csv", Microstructure(MAP.grain_id, MAP.grain_angle_rad, STEP_NM), "ids",
                        np.random.default_rng(0))  # fmt: skip
    lines = path.read_text().splitlines()
    rows = [line.rpartition(",")[0] for line in lines[1:]]
    path.write_text("\n".join([lines[0], *(f"{row},{n}" for row, n in zip(rows, ids.ravel(), strict=True))]) + "\n")
    options = ReadOptions(axes=write_axes(tmp_path / "axes.csv", MAP, first=1), unindexed="void")
    np.testing.assert_array_equal(read_structure(path, options).structure.phase_map, ids == 0)


def test_points_without_an_orientation_are_filled_up_to_a_share(tmp_path: Path) -> None:
    phase = np.ones(MAP.grain_id.size, dtype=int)
    phase[np.random.default_rng(2).permutation(phase.size)[: phase.size // 8]] = 0
    found = read_ctf(tmp_path, ReadOptions(fill=0.2), phase=phase)
    assert found.filled == pytest.approx((phase.size // 8) / phase.size)
    off_deg = np.degrees(np.abs(axis_angle(found.structure.angle_rad - MAP.angle_rad)))
    assert np.mean(off_deg < 0.01) > 0.95
    with pytest.raises(InputError, match=r"12\.5 % of the points .* at most 10 %.*--fill 0\.13"):
        read_ctf(tmp_path, phase=phase)
    with pytest.raises(InputError, match="not a single point"):
        read_ctf(tmp_path, phase=0 * phase)


def test_no_grain_falls_apart_where_points_are_missing(tmp_path: Path) -> None:
    phase = np.ones(MAP.shape, dtype=int)
    phase[:, 12] = 0
    found = read_ctf(tmp_path, phase=phase.ravel())
    assert found.filled == pytest.approx(1 / 24)
    assert found.structure.grains == MAP.grains
    np.testing.assert_allclose(np.sort(found.structure.grain_angle_rad), np.sort(MAP.grain_angle_rad), atol=1e-4)


def test_grains_of_few_points_are_errors_of_the_indexing(tmp_path: Path) -> None:
    euler = from_the_top(MAP, np.random.default_rng(1)).copy()
    euler[[50, 121, 300]] = [[0.1, 0.9, 0.3]]
    assert read_ctf(tmp_path, euler=euler).structure.grains > MAP.grains
    found = read_ctf(tmp_path, ReadOptions(least_pixels=4), euler=euler)
    assert found.structure.grains == MAP.grains
    assert found.filled == pytest.approx(3 / MAP.grain_id.size)


def test_the_threshold_is_of_the_misorientation(tmp_path: Path) -> None:
    """Neighbours 4 degrees apart are one grain, 6 degrees two; a crystal upside down is the same one."""
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    angle = np.radians([0.0, 4.0, 10.0])[np.repeat([0, 1, 2], 4)][None].repeat(3, axis=0)
    euler = np.stack([np.pi - angle, np.full(angle.shape, np.pi / 2), 0 * angle], -1).reshape(-1, 3)
    euler[::2, 0] += np.pi
    path = write_ctf(tmp_path / "a.ctf", euler, (3, 12))
    found = Microstructure.load(path)
    assert found.grain_id[0].tolist() == [0] * 8 + [1] * 4
    np.testing.assert_allclose(np.degrees(found.grain_angle_rad), [2, 10], atol=0.01)
    assert Microstructure.load(path, options=ReadOptions(threshold_deg=3.0)).grains == 3
    assert Microstructure.load(path, options=ReadOptions(threshold_deg=7.0)).grains == 1
    euler[:, 0] = 1.0
    euler[:, 2] = np.radians([0.0, 90.0, 20.0])[np.repeat([0, 1, 2], 4)][None].repeat(3, axis=0).ravel()
    found = Microstructure.load(write_ctf(tmp_path / "b.ctf", euler, (3, 12)))
    assert found.grain_id[0].tolist() == [0] * 8 + [1] * 4, "by 90 degrees about c nothing is turned, by 20 it is"
    np.testing.assert_allclose(found.grain_angle_rad, found.grain_angle_rad[0], atol=1e-6)


def test_the_misorientation_is_that_of_orix() -> None:
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    from orix.quaternion import Orientation, Rotation, symmetry

    a, b = (Rotation.random((40,)) for _ in range(2))
    group = symmetry.D4h
    angle = Orientation(a.data, symmetry=group).angle_with(Orientation(b.data, symmetry=group))
    cosine = misorientation_cosine((~a).data, (~b).data, group.laue_proper_subgroup.data)
    np.testing.assert_allclose(2 * np.arccos(np.clip(cosine, 0, 1)), angle, atol=1e-6)


def test_axes_out_of_the_plane_are_told_and_limited(tmp_path: Path) -> None:
    euler = from_the_top(MAP, np.random.default_rng(1)).copy()
    euler[:, 1] = np.radians(70)  # the c axis leaves the plane by 20 degrees
    found = read_ctf(tmp_path, euler=euler)
    np.testing.assert_allclose(found.out_of_plane_deg, 20, atol=0.01)
    np.testing.assert_allclose(found.structure.grain_angle_rad, MAP.grain_angle_rad, atol=1e-4)
    euler[:, 1] = np.radians(50)
    with pytest.raises(InputError, match=r"40 degrees out of the plane in the mean .*--project"):
        read_ctf(tmp_path, euler=euler)
    found = read_ctf(tmp_path, ReadOptions(project=True), euler=euler)
    np.testing.assert_allclose(found.structure.grain_angle_rad, MAP.grain_angle_rad, atol=1e-4)


def test_the_frame_of_the_orientations_is_turned_against_the_map(tmp_path: Path) -> None:
    found = read_ctf(tmp_path, ReadOptions(rotate_deg=30.0)).structure
    np.testing.assert_array_equal(found.grain_id, MAP.grain_id)
    turned = axis_angle(MAP.grain_angle_rad - np.radians(30))  # anticlockwise is against the sense of the angle
    np.testing.assert_allclose(axis_angle(found.grain_angle_rad - turned), 0, atol=1e-4)


@pytest.mark.parametrize("cell_nm", [20.0, 37.0, 120.0])
def test_other_cells_move_no_boundary_by_more_than_half_a_cell(tmp_path: Path, cell_nm: float) -> None:
    MAP.save(tmp_path / "map.npz")
    found = Microstructure.load(tmp_path / "map.npz", options=ReadOptions(cell_nm=cell_nm))
    assert found.cell_nm == cell_nm
    assert found.shape == tuple(int(n * STEP_NM / cell_nm + 1e-9) for n in MAP.shape)
    rows, columns = (((np.arange(n) + 0.5) * cell_nm / STEP_NM).astype(int) for n in found.shape)
    np.testing.assert_array_equal(found.angle_rad, MAP.angle_rad[np.ix_(rows, columns)])  # the middle of each cell


def test_each_phase_has_its_own_easy_axis(tmp_path: Path) -> None:
    """A cubic one has three axes [001]: it is named, or left out and filled."""
    lines = ["8.8;8.8;12.2\t90;90;90\tNd2Fe14B\t5\t136", "2.87;2.87;2.87\t90;90;90\tFe\t11\t229"]
    phase = np.ones(MAP.grain_id.size, dtype=int)
    phase[:20] = 2
    how: dict[str, Any] = {"phases": "\n".join(lines), "phase": phase}
    with pytest.raises(InputError, match=r"phase 'Fe' of symmetry m-3m has 3 axes \[001\].*'Fe=none'"):
        read_ctf(tmp_path, **how)
    found = read_ctf(tmp_path, ReadOptions(easy_axis=("Fe=none",)), **how)
    assert found.filled == pytest.approx(20 / phase.size)
    assert any("Fe 4.9 %" in note for note in found.notes)
    with pytest.raises(InputError, match="no phase 'Co'; it has 'Nd2Fe14B', 'Fe'"):
        read_ctf(tmp_path, ReadOptions(easy_axis=("Co=[001]",)), **how)
    with pytest.raises(InputError, match=r"a direction such as \[001\]"):
        read_ctf(tmp_path, ReadOptions(easy_axis=("[1]",)))
    with pytest.raises(InputError, match=r"has 2 axes \[100\]"):
        read_ctf(tmp_path, ReadOptions(easy_axis=("[100]",)))


def test_the_frame_of_ang_is_doubted_until_it_is_said(tmp_path: Path) -> None:
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    path, options = ang(tmp_path)
    assert read_structure(path, options).doubts == ()
    assert "--rotate -90" in read_structure(path).doubts[0]
