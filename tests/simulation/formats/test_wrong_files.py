"""A wrong file gets one sentence, with a guess where one is at hand; nothing large is taken before it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulation import InputError, Microstructure
from simulation.formats import ReadOptions, export_structure, read_structure
from tests.simulation.formats.files_of_others import from_the_top, write_axes
from tests.simulation.formats.test_reading import MAP, read_ctf

TESR = "***tesr\n **format\n 2.1\n **general\n {dim}\n {size}\n 0.1 0.1\n **data\n {form}\n {data}\n***end\n"
OVF = """# OOMMF OVF 2.0
# xnodes: 2
# ynodes: {ny}
# znodes: 1
# xstepsize: 2e-9
# ystepsize: 2e-9
# Begin: Data {data}"""


def tesr(size: str = "2 2", form: str = "ascii", data: str = "1 1 2 2", dim: int = 2) -> str:
    return TESR.format(size=size, form=form, data=data, dim=dim)


def points(*lines: str, names: str = "x_nm,y_nm,angle_deg") -> str:
    return "\n".join((names, *lines)) + "\n"


NM = {"step_nm": 2.0}
WRONG: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "empty.ang": ("", {}, "not a map that orix can read"),
    "degrees.ang": (
        "# x\n" + "\n".join(f"{n} 90 12 {n % 9} {n // 9} 1 1 1 1 1" for n in range(90)), {},
        r"Euler angles go up to 90: degrees\? \.ang holds radians",
    ),
    "cut.ctf": ("Channel Text File\nXCells\t3\n", {}, "not a map that orix can read"),
    "map.h5": (b"\x89HDF\r\n\x1a\nnothing", {}, "damaged HDF5"),
    "volume.tesr": (tesr("2 2 2", dim=3), NM, "a raster of dimension 3; only planes"),
    "large.tesr": (tesr("100000 100000"), NM, "100000 x 100000 pixels"),
    "no unit.tesr": (tesr(), {}, "no unit, .* 0.1: .*--step-nm"),
    "no axes.tesr": (tesr(), NM, r"no orientations \(\*ori\)"),
    "short.tesr": (tesr(data="1 1 2"), NM, "4 numbers are needed, 3"),
    "binary.tesr": (tesr("9 9", "binary32", "1"), NM, "324 bytes are needed"),
    "form.tesr": (tesr(form="hex"), NM, "unknown format 'hex'"),
    "outside.tesr": (tesr(data="*file ../secret.raw"), NM, "no such file in the folder"),
    "empty.csv": ("", {}, "nothing in it"),
    "no y.csv": (points("1,2", names="x_nm,angle_deg"), {}, "no column y; it has xnm, angledeg"),
    "no unit.csv": (points("1,2,3", names="x,y,angle_deg"), {}, "column x has no unit"),
    "degrees.csv": (points("0,0,3", "2,0,90", "0,2,0", "2,2,0", names="x_nm,y_nm,angle"), {},
                    r"angle goes up to 90, .* degrees\?"),
    "nothing.csv": (points("0,0,3", names="x_nm,y_nm,iq"), {}, "no column of an angle, of Euler angles or of grains"),
    "text.csv": (points("0,0,a"), {}, "column angledeg does not hold numbers only"),
    "line.csv": (points("0,0,1", "2,0,1"), {}, "lie on one line"),
    "askew.csv": (points("0,0,1", "2,0,1", "5,2,1", "9.3,2,1", "0.7,4,1"), {}, "no regular grid"),
    "ids.csv": ("1,2\n2,1\n", NM, r"grains or angles in degrees\?"),
    "far.csv": (points(*(f"{a},{b},1" for a in (0, 1) for b in (0, 1))), {"cell_nm": 9.0}, "a cell of 9 nm is larger"),
    "many.csv": (points(*(f"{a},{b},1" for a in (0, 9000) for b in (0, 9000))), {"cell_nm": 2.0},
                 r"9000 x 9000 cells of 2 nm .*--cell-nm 8\.8 or more"),
    "map.png": (b"\x89PNG\r\n\x1a\nnothing", NM, "not a picture that can be read"),
    "cut.ovf": ("# OOMMF OVF 2.0\n", {}, "no line '# Begin: Data'"),
    "few.ovf": (OVF.format(ny=2, data="Text\n0 1 0 0 1 0\n"), {}, "12 numbers are needed, 6 stand there"),
    "large.ovf": (OVF.format(ny=10**7, data="Text\n0 1 0\n"), {}, "2 x 10000000 x 1 cells"),
    "claims.ovf": (OVF.format(ny=10**6, data="Binary 8\n"), {}, "for 2000000 cells: the file is cut off"),
    "order.ovf": (OVF.format(ny=1, data="Binary 4\n" + "0" * 28), {}, "check value is another"),
    "strange.ovf": (OVF.format(ny=2, data="Text\n"), {"easy_axis": ("[001]",)}, "--easy-axis means nothing to"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_gets_a_sentence(tmp_path: Path, name: str) -> None:
    content, options, sentence = WRONG[name]
    if name.endswith((".ang", ".ctf", ".h5")):
        pytest.importorskip("orix", reason="orix (extra `maps`) is missing")
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=sentence) as caught:
        Microstructure.load(path, options=ReadOptions(**options))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_guesses_at_numbers_and_fields(tmp_path: Path) -> None:
    """Numbers that are off by one, a magnetisation for easy axes, a picture whose colours say nothing."""
    np.savetxt(tmp_path / "map.csv", MAP.grain_id, fmt="%d", delimiter=",")
    axes = write_axes(tmp_path / "axes.csv", MAP, first=1)
    with pytest.raises(InputError, match=r"axes\.csv: no line for id 0; .* plus one: off by one\?"):
        read_structure(tmp_path / "map.csv", ReadOptions(axes=axes, step_nm=2.0))
    state = np.random.default_rng(1).normal(size=(*MAP.shape, 3))
    _, remanent = export_structure(MAP, tmp_path / "a.ovf", "ovf", remanent=state)
    with pytest.raises(InputError, match=r"a magnetisation, not easy axes\?"):
        read_structure(remanent)
    Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="colours have to be explained: --colors axis"):
        read_structure(tmp_path / "a.png", ReadOptions(step_nm=2.0))


def test_guesses_at_units(tmp_path: Path) -> None:
    """A step in nanometres, angles in radians, where the format has micrometres and degrees."""
    with pytest.raises(InputError, match=r"50 micrometres apart .*nanometres\? Then say --step-nm 50"):
        read_ctf(tmp_path, step_um=50.0)
    assert read_ctf(tmp_path, ReadOptions(step_nm=50.0), step_um=50.0).structure.cell_nm == 50.0
    with pytest.raises(InputError, match=r"go up to \d\S* only: radians\?"):
        read_ctf(tmp_path, euler=np.radians(from_the_top(MAP, np.random.default_rng(1))))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cell_nm": 0.0}, "--cell-nm must lie within"),
        ({"threshold_deg": 91.0}, "--threshold must lie above 0"),
        ({"fill": 1.0}, "--fill must be a share"),
        ({"least_pixels": 0}, "--least-pixels must be at least 1"),
        ({"rotate_deg": float("nan")}, "--rotate must be a finite"),
        ({"colors": "red"}, "--colors must be one of axis, hue"),
    ],
)
def test_options_are_checked(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ReadOptions(**wrong)
