"""What formats may hold besides: void, orientations by pixel, files beside them, other orders of bytes; and damage."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simulation import InputError, Microstructure
from simulation.formats import ReadOptions, read_structure
from simulation.microstructure import axis_angle
from tests.simulation.formats.files_of_others import euler_of, write_tesr
from tests.simulation.formats.test_reading import DOORS, MAP, NEEDS_ORIX, STEP_NM


def test_void_of_neper_is_filled_and_told(tmp_path: Path) -> None:
    path = write_tesr(tmp_path / "a.tesr", MAP)
    text = path.read_text().split(" **data\n   ascii\n")
    ids = text[1].split("\n")[0].split()
    ids[5] = ids[100] = "0"
    path.write_text(f"{text[0]} **data\n   ascii\n{' '.join(ids)}\n***end\n")
    found = read_structure(path, ReadOptions(step_nm=STEP_NM))
    assert found.filled == pytest.approx(2 / MAP.grain_id.size)
    np.testing.assert_array_equal(found.structure.grain_id, MAP.grain_id)


def test_neper_may_keep_its_numbers_in_a_file_beside(tmp_path: Path) -> None:
    path = write_tesr(tmp_path / "a.tesr", MAP, "binary16")
    head = path.read_bytes().split(b" **data\n")[0]
    (tmp_path / "a.raw").write_bytes((MAP.grain_id + 1).astype("<u2").tobytes())
    path.write_bytes(head + b" **data\n   binary16\n  *file a.raw\n***end\n")
    found = Microstructure.load(path, options=ReadOptions(step_nm=STEP_NM))
    np.testing.assert_array_equal(found.grain_id, MAP.grain_id)


@pytest.mark.parametrize("form", ["ascii", "binary"])
def test_neper_may_know_orientations_by_pixel_alone(tmp_path: Path, form: str) -> None:
    """Of pixels where they are not defined they are anything: those are filled."""
    ny, nx = MAP.shape
    euler = np.degrees(euler_of(MAP.grain_angle_rad, np.random.default_rng(3)))[MAP.grain_id.ravel()]
    defined = np.ones(ny * nx, dtype=np.uint8)
    defined[37] = 0
    euler[37] = 0
    head = f"***tesr\n **format\n 2.1\n **general\n 2\n {nx} {ny}\n 0.1 0.1\n **oridata\n euler-bunge:active\n {form}\n"
    if form == "ascii":
        data = "\n".join(" ".join(map(repr, row)) for row in euler.tolist()).encode()
        end = " ".join(map(str, defined)).encode()
    else:
        data, end = euler.astype("<f8").tobytes(), defined.tobytes()
    (tmp_path / "a.tesr").write_bytes(head.encode() + data + f"\n **oridef\n {form}\n".encode() + end + b"\n***end\n")
    found = read_structure(tmp_path / "a.tesr", ReadOptions(step_nm=STEP_NM))
    assert found.filled == pytest.approx(1 / (ny * nx))
    np.testing.assert_array_equal(found.structure.grain_id, MAP.grain_id)
    np.testing.assert_allclose(axis_angle(found.structure.grain_angle_rad - MAP.grain_angle_rad), 0, atol=1e-9)


def test_ovf_of_version_1_is_big_endian(tmp_path: Path) -> None:
    ny, nx = MAP.shape
    k = np.stack([np.sin(MAP.angle_rad), np.cos(MAP.angle_rad), 0 * MAP.angle_rad], axis=-1)
    cell = STEP_NM * 1e-9
    head = "# OOMMF: rectangular mesh v1.0\n# Segment count: 1\n# Begin: Segment\n# Begin: Header\n# meshunit: m\n"
    head += f"# xnodes: {nx}\n# ynodes: {ny}\n# znodes: 1\n# xstepsize: {cell}\n# ystepsize: {cell}\n# End: Header\n"
    numbers = np.concatenate([[1234567.0], k.ravel()]).astype(">f4").tobytes()
    (tmp_path / "a.omf").write_bytes(
        head.encode() + b"# Begin: Data Binary 4\n" + numbers + b"\n# End: Data Binary 4\n"
    )
    found = Microstructure.load(tmp_path / "a.omf")
    np.testing.assert_array_equal(found.grain_id, MAP.grain_id)


def test_colours_by_a_table_and_by_hue(tmp_path: Path) -> None:
    """Colours that a table does not name, lines between grains for one, are filled."""
    hsv = np.zeros((*MAP.shape, 3), dtype=np.uint8)
    hsv[..., 0] = np.rint(np.mod(MAP.angle_rad, np.pi) / np.pi * 256).astype(int) % 256
    hsv[..., 1:] = 200, 255
    bands = [Image.fromarray(np.ascontiguousarray(hsv[::-1, :, band])) for band in range(3)]
    Image.merge("HSV", bands).convert("RGB").save(tmp_path / "hue.png")
    found = Microstructure.load(tmp_path / "hue.png", options=ReadOptions(colors="hue", step_nm=2.0))
    assert np.degrees(np.abs(axis_angle(found.angle_rad - MAP.angle_rad))).max() < 1.5
    shades = np.array([[10 * n, 255 - 10 * n, 7] for n in range(MAP.grains)], dtype=np.uint8)
    pixels = shades[MAP.grain_id]
    pixels[3, :] = 0
    Image.fromarray(pixels[::-1]).save(tmp_path / "shades.tif")
    rows = [f"#{r:02x}{g:02x}{b:02x},{a}" for (r, g, b), a in zip(shades, np.degrees(MAP.grain_angle_rad), strict=True)]
    (tmp_path / "axes.csv").write_text("color,angle_deg\n" + "\n".join(rows) + "\n")
    found_shades = read_structure(tmp_path / "shades.tif", ReadOptions(axes=tmp_path / "axes.csv", step_nm=2.0))
    assert found_shades.filled == pytest.approx(1 / 17)
    kept = np.arange(17) != 3
    np.testing.assert_allclose(found_shades.structure.angle_rad[kept], MAP.angle_rad[kept])


def test_pixels_that_are_not_square_need_a_cell(tmp_path: Path) -> None:
    lines = [f"{x},{y},{10 * (y > 4)}" for y in (0, 3, 6, 9) for x in (0, 2, 4)]
    (tmp_path / "a.csv").write_text("x_nm,y_nm,angle_deg\n" + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"pixels are not square, 2 x 3 nm: .*--cell-nm"):
        read_structure(tmp_path / "a.csv")
    found = Microstructure.load(tmp_path / "a.csv", options=ReadOptions(cell_nm=1.0))
    assert found.shape == (12, 6)
    np.testing.assert_allclose(np.degrees(found.angle_rad[:, 0]), [0] * 6 + [10] * 6)


def test_numbers_of_grains_beside_orientations_are_the_grains(tmp_path: Path) -> None:
    """DREAM3D has found them already, whatever the spread of its points; 0 is none."""
    lines = ["0,0,1,10", "2,0,1,30", "4,0,2,12", "0,2,1,20", "2,2,0,80", "4,2,2,12"]
    (tmp_path / "a.csv").write_text("x_nm,y_nm,FeatureIds,angle_deg\n" + "\n".join(lines) + "\n")
    found = read_structure(tmp_path / "a.csv", ReadOptions(fill=0.3))
    assert found.structure.grain_id.tolist()[0] == [0, 0, 1]
    assert found.filled == pytest.approx(1 / 6)
    np.testing.assert_allclose(np.degrees(found.structure.grain_angle_rad), [20, 12])


def test_what_an_hdf5_file_states_is_looked_at_before_it_is_read(tmp_path: Path) -> None:
    pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    import h5py

    with h5py.File(tmp_path / "large.h5", "w") as file:
        file.create_dataset("crystal_map/data/phi1", shape=(10**10,), dtype="f8", chunks=(10**6,), compression="gzip")
    with h5py.File(tmp_path / "dream.h5", "w") as file:
        file.create_group("DataContainers")
    with h5py.File(tmp_path / "edax.h5", "w") as file:
        file["Manufacturer"] = "EDAX"
    assert (tmp_path / "large.h5").stat().st_size < 100_000
    for name, sentence in (
        ("large", "more than the 4194304 points"),
        ("dream", "DREAM3D"),
        ("edax", "'EDAX'; read are"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_structure(tmp_path / f"{name}.h5")


@pytest.mark.parametrize("name", DOORS)
def test_a_damaged_file_is_a_sentence_or_a_structure(tmp_path: Path, name: str) -> None:
    if DOORS[name] in NEEDS_ORIX:
        pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    path, options = DOORS[name](tmp_path)
    content, rng = path.read_bytes(), np.random.default_rng(11)
    warnings.simplefilter("error")
    for turn in range(6):
        damaged = bytearray(content)
        at = int(rng.integers(0, min(len(damaged), 1500)))
        if turn % 3 == 0:
            del damaged[int(rng.integers(0, len(damaged))) :]
        elif turn % 3 == 1:
            damaged[at] = int(rng.integers(0, 256))
        else:
            del damaged[at : at + 100]
        path.write_bytes(bytes(damaged))
        said = ""
        try:
            Microstructure.load(path, options=options)
        except InputError as error:
            said = str(error)
        assert not said or said.startswith(str(tmp_path))
        assert "\n" not in said
