"""What is no magnet is refused in one sentence; grain structures keep what they are on disk and when refined."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import InputError, Material, Microstructure, Nd2Fe14B, voronoi

IDS = np.array([[0, 0, 1], [2, 1, 1]])
ANGLES = np.array([0.1, -0.4, 1.2])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"grain_id": np.zeros((0, 4), int)}, "non-empty"),
        ({"grain_id": np.zeros(5, int)}, "non-empty"),
        ({"grain_id": IDS.astype(float)}, "integers"),
        ({"grain_id": IDS - 1}, "grain ids run from -1 to 1"),
        ({"grain_angle_rad": ANGLES[:2]}, "grain ids run from 0 to 2, but there are angles for grains 0 to 1 only"),
        ({"grain_angle_rad": np.array([0.1, math.nan, 1.2])}, r"grain_angle_rad\[1\] is nan"),
        ({"grain_angle_rad": np.array([0.1, math.inf, 1.2])}, r"grain_angle_rad\[1\] is inf"),
        ({"grain_angle_rad": np.array(["a", "b", "c"])}, "numbers"),
        ({"cell_nm": 0.0}, "cell_nm must be a positive finite number, got 0.0"),
        ({"cell_nm": -2.0}, "cell_nm"),
        ({"cell_nm": math.nan}, "cell_nm"),
        ({"cell_nm": "2"}, "cell_nm"),
    ],
)
def test_what_is_no_structure_is_refused_in_one_sentence(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        Microstructure(**{"grain_id": IDS, "grain_angle_rad": ANGLES, **bad})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["A_J_per_m", "Js_T", "K1_J_per_m3"])
@pytest.mark.parametrize("value", [0.0, -4.2e6, math.nan, math.inf, "1.6", True, None])
def test_what_is_no_hard_magnet_is_refused_in_one_sentence(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name} must be a positive finite number") as refused:
        Material(**{"A_J_per_m": 8e-12, "Js_T": 1.61, "K1_J_per_m3": 4.2e6, name: value})
    assert "\n" not in str(refused.value)


def test_reduced_units_of_the_papers_material() -> None:
    assert Nd2Fe14B.H_A_A_per_m == pytest.approx(5.217e6, rel=1e-3)
    assert Nd2Fe14B.q == pytest.approx(0.2456, rel=1e-3)
    assert Nd2Fe14B.wall_parameter_nm == pytest.approx(1.38, rel=1e-3)
    assert Nd2Fe14B.exchange_number(2.0) == pytest.approx(0.476, rel=1e-3)


def test_an_axis_has_no_head() -> None:
    turned = Microstructure(IDS, ANGLES + math.pi * np.array([1, -2, 7]))
    np.testing.assert_allclose(turned.grain_angle_rad, ANGLES, atol=1e-12)
    assert Microstructure(np.zeros((1, 1), int), np.array([-math.pi / 2])).grain_angle_rad[0] == pytest.approx(
        math.pi / 2
    )


def test_a_structure_file_holds_the_structure(tmp_path: Path) -> None:
    structure = voronoi(40, 1.0, 6, 1.0, np.random.default_rng(0))
    structure.save(tmp_path / "a.npz")
    assert Microstructure.load(tmp_path / "a.npz").content_hash == structure.content_hash
    np.savez(tmp_path / "b.npz", grain_id=IDS, grain_angle_rad=ANGLES, other=np.zeros(3))
    assert Microstructure.load(tmp_path / "b.npz").cell_nm == 2.0


def test_what_is_no_structure_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "half.npz", grain_id=IDS)
    for name, says in (("none.npz", "no such"), ("text.npz", "not a readable"), ("half.npz", "grain_angle_rad")):
        with pytest.raises(InputError, match=says) as refused:
            Microstructure.load(tmp_path / name)
        assert name in str(refused.value)


def test_refined_grains_are_the_same_grains() -> None:
    structure = Microstructure(IDS, ANGLES, 2.0)
    fine = structure.refine(3)
    assert fine.shape == (6, 9)
    assert fine.cell_nm == pytest.approx(2 / 3)
    np.testing.assert_array_equal(fine.grain_id[1::3, 1::3], IDS)
    for factor in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="factor"):
            structure.refine(factor)  # type: ignore[arg-type]


def test_voronoi_covers_the_square_with_axes_within_the_misorientation() -> None:
    structure = voronoi(80, 2, 16, 0.5, np.random.default_rng(1))
    assert structure.shape == (40, 40)
    assert structure.grains <= 16
    assert np.abs(structure.grain_angle_rad).max() <= 0.5


def test_structures_are_equal_by_content() -> None:
    ids, angles = np.array([[0, 1], [1, 1]]), np.array([0.1, 0.2])
    one, other = Microstructure(ids, angles), Microstructure(ids.astype(np.uint8), angles + np.pi)
    assert one == Microstructure(ids.copy(), angles.copy())
    assert hash(one) == hash(Microstructure(ids, angles))
    assert np.abs(one.grain_angle_rad - other.grain_angle_rad).max() < 1e-15, "an axis has no head"
    assert len({one, Microstructure(ids, angles), one.mirror_x()}) == 2
    assert one != Microstructure(ids, angles, cell_nm=1.0)
    assert one != Microstructure(1 - ids, angles)
    assert one != "one"


@pytest.mark.parametrize("grains", [1, 2])
def test_a_structure_says_what_it_is_in_a_line(grains: int) -> None:
    magnet = Microstructure(np.zeros((3, 4), int), np.radians([30.0]), 2.5)
    if grains == 2:
        magnet = Microstructure(np.arange(12).reshape(3, 4) // 6, np.radians([30.0, -50.0]), 2.5)
    words = f"{grains} grain{'s' if grains > 1 else ''}, axes {30 if grains == 1 else 40} degrees off"
    assert repr(magnet) == f"<Microstructure: 3 x 4 cells of 2.5 nm, {words} the field in the mean>"


def test_a_notebook_shows_the_grains() -> None:
    magnet = voronoi(40, 2, 5, 1.0, np.random.default_rng(1))
    page = magnet._repr_html_()
    assert "<img" in page
    assert "data:image/png;base64," in page
    assert "5 grains" in page


def test_a_structure_is_drawn_on_given_axes_in_nm() -> None:
    from matplotlib.figure import Figure

    magnet = voronoi(40, 2, 5, 1.0, np.random.default_rng(1))
    axes = Figure().add_subplot()
    assert magnet.plot(axes) is axes
    assert axes.get_xlabel() == "x in nm"
    assert tuple(axes.images[0].get_extent()) == (0.0, 40.0, 0.0, 40.0)


def test_a_file_in_degrees_is_refused_with_a_guess(tmp_path: Path) -> None:
    ids, angles = np.array([[0, 1], [2, 2]]), np.array([-12.0, 3.0, 15.0])
    np.savez(tmp_path / "degrees.npz", grain_id=ids, grain_angle_rad=angles)
    with pytest.raises(InputError, match=r"degrees\.npz: grain_angle_rad goes up to 15, .* degrees\?.*--degrees"):
        Microstructure.load(tmp_path / "degrees.npz")
    assert Microstructure.load(tmp_path / "degrees.npz", degrees=True) == Microstructure(ids, np.radians(angles))
    np.savez(tmp_path / "radians.npz", grain_id=ids, grain_angle_rad=np.array([-2 * np.pi, 3.0, 2 * np.pi]))
    assert Microstructure.load(tmp_path / "radians.npz").grains == 3, "a whole turn is no sign of degrees"
    assert Microstructure(ids, angles).grains == 3, "in memory any finite number is an angle"


def test_voronoi_takes_a_seed_or_a_generator() -> None:
    assert voronoi(40, 2, 5, 1.0, 3) == voronoi(40, 2, 5, 1.0, np.random.default_rng(3))
    assert voronoi(40, 2, 5, 1.0, int(np.int64(3))) == voronoi(40, 2, 5, 1.0, 3)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rng": None}, r"rng must be a numpy\.random\.Generator, such as .*, got None"),
        ({"rng": -1}, "a whole number of at least 0 that seeds one, got -1"),
        ({"rng": True}, "got True"),
        ({"rng": np.random.RandomState(1)}, "rng must be a numpy"),
        ({"size_nm": "40"}, "size_nm must be a number, got '40'"),
        ({"misorientation_rad": None}, "misorientation_rad must be a number, got None"),
    ],
)
def test_what_nothing_can_be_drawn_from_is_refused(wrong: dict[str, Any], says: str) -> None:
    plain: dict[str, Any] = {"size_nm": 40, "cell_nm": 2, "grains": 5, "misorientation_rad": 1.0, "rng": 1}
    with pytest.raises(InputError, match=f"voronoi: .*{says}"):
        voronoi(**plain | wrong)
