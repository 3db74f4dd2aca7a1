"""Axes to images and back: conventions, symmetries, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import InputError, Microstructure, Purpose, StructureFamily
from surrogate.encoding import KINDS, Encoding, Kind, axis_error_rad

FAMILY = StructureFamily(size_nm=32, cell_nm=2, grains=(2, 8))


def one_grain(angle_deg: float) -> Microstructure:
    return Microstructure(np.zeros((16, 16), int), np.array([math.radians(angle_deg)]), 2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_holds_the_axes_of_its_structure(kind: Kind) -> None:
    structures = list(FAMILY.stream(5, Purpose.BENCHMARK, 0, 20))
    encoding = Encoding(kind, (16, 16), 2.0)
    images = encoding.images(structures)
    assert images.dtype == np.float32
    assert images.shape == (20, 16, 16, 1 if kind == "kx" else 2)
    assert np.abs(images).max() <= 1
    angle = encoding.angles(images)
    original = np.stack([m.angle_rad for m in structures])
    # arcsin loses half of the digits where k_x is near 1
    assert axis_error_rad(angle, original).max() < (2e-3 if kind == "kx" else 1e-6)
    assert angle.min() > -math.pi / 2
    assert angle.max() <= math.pi / 2


@pytest.mark.parametrize(
    ("angle_deg", "k_x"),
    [(0, 0.0), (30, 0.5), (-30, -0.5), (89, 0.99985), (90, 1.0), (-90, 1.0), (91, -0.99985), (150, -0.5), (270, 1.0)],
)
def test_kx_is_that_of_the_axis_turned_to_positive_ky(angle_deg: float, k_x: float) -> None:
    encoding = Encoding("kx", (16, 16), 2.0)
    assert encoding.images([one_grain(angle_deg)])[0, 0, 0, 0] == pytest.approx(k_x, abs=1e-5)
    angles = np.full((1, 16, 16), math.radians(angle_deg))  # not folded beforehand
    assert encoding.images_of_angles(angles)[0, 0, 0, 0] == pytest.approx(k_x, abs=1e-5)


def test_the_double_angle_has_no_seam() -> None:
    encoding = Encoding("double_angle", (16, 16), 2.0)
    below, above = encoding.images([one_grain(89.9), one_grain(90.1)])
    assert np.abs(below - above).max() < 0.01
    seam = Encoding("kx", (16, 16), 2.0).images([one_grain(89.9), one_grain(90.1)])
    assert np.abs(seam[0] - seam[1]).max() > 1.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cells_per_pixel", [1, 2])
def test_mirrored_images_are_images_of_mirrored_structures(kind: Kind, cells_per_pixel: int) -> None:
    encoding = Encoding(kind, (16, 16), 2.0, cells_per_pixel)
    structures = list(FAMILY.stream(6, Purpose.BENCHMARK, 0, 10))
    copies = encoding.mirrored(encoding.images(structures))
    in_x = [m.mirror_x() for m in structures]
    expected = (structures, in_x, [m.mirror_y() for m in structures], [m.mirror_y() for m in in_x])
    for copy, mirrored in enumerate(expected):
        np.testing.assert_allclose(copies[:, copy], encoding.images(mirrored), atol=1e-6)


def test_a_coarser_image_is_the_mean_of_its_cells_and_decodes_on_the_cells() -> None:
    fine, coarse = Encoding("double_angle", (16, 16), 2.0), Encoding("double_angle", (16, 16), 2.0, 2)
    structures = list(FAMILY.stream(7, Purpose.BENCHMARK, 0, 5))
    cells = fine.images(structures)
    mean = (cells[:, ::2, ::2] + cells[:, 1::2, ::2] + cells[:, ::2, 1::2] + cells[:, 1::2, 1::2]) / 4
    np.testing.assert_allclose(coarse.images(structures), mean, atol=1e-6)
    assert coarse.image_shape == (8, 8, 2)
    assert coarse.angles(mean).shape == (5, 16, 16)
    np.testing.assert_allclose(coarse.angles(coarse.images([one_grain(40)])), math.radians(40), atol=1e-6)


def test_bilinear_decoding_reproduces_a_linear_field_away_from_the_edge() -> None:
    encoding = Encoding("double_angle", (16, 16), 2.0, 2)
    linear = np.linspace(-0.8, 0.8, 16, dtype=np.float32)
    field = np.stack(np.broadcast_arrays(linear[None, :, None], np.float32(0.3)), axis=-1).repeat(16, axis=2)
    again = encoding.field(encoding.images_of_field(field))
    np.testing.assert_allclose(again[:, 1:-1], field[:, 1:-1], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kz", (16, 16), 2.0), "kx, double_angle"),
        (("kx", (4, 4), 2.0), "8 x 8"),
        (("kx", (16, 16), 2.0, 3), "divide"),
        (("kx", (16, 16), 2.0, 4), "fewer than 8"),
        (("kx", (16, 16), -1.0), "cell_nm"),
    ],
)
def test_an_impossible_encoding_is_refused(arguments: tuple, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Encoding(*arguments)


def test_structures_of_another_grid_are_refused() -> None:
    encoding = Encoding("kx", (16, 16), 2.0)
    with pytest.raises(InputError, match="20, 20"):
        encoding.images([Microstructure(np.zeros((20, 20), int), np.zeros(1), 2.0)])
    with pytest.raises(InputError, match=r"1\.0 nm"):
        encoding.images([Microstructure(np.zeros((16, 16), int), np.zeros(1), 1.0)])
