"""What a network sees of a second phase between grains, and that what it does not know it refuses."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from simulation import VOID, Boundary, InputError, Phase, Purpose, StructureFamily, voronoi
from surrogate.encoding import KINDS, Encoding, Kind

FAMILY = StructureFamily(40.0, 2.0, (3, 6), boundary=Boundary((0.0, 6.0), (0.2, 1.2), 5e-12))
ENCODING = Encoding("double_angle", (20, 20), 2.0, 2, FAMILY.boundary)
DRAWN = list(FAMILY.stream(0, Purpose.LABELS, 0, 12))


@pytest.mark.parametrize("kind", KINDS)
def test_two_channels_more_say_how_thick_and_how_magnetic(kind: Kind) -> None:
    encoding = replace(ENCODING, kind=kind)
    images = encoding.images(DRAWN)
    bare = replace(encoding, boundary=None).images([made.without_phases() for made in DRAWN])
    assert images.shape == (12, *encoding.image_shape)
    axes = encoding.axis_channels
    np.testing.assert_array_equal(images[..., :axes], bare)
    assert np.ptp(images[..., axes:], axis=(1, 2)).max() == 0
    for made, found in zip(DRAWN, encoding.boundaries(images), strict=True):
        assert found[0] == pytest.approx(made.boundary_nm, abs=1e-5)
        assert encoding.between(made.without_phases(), *found).boundary_nm == made.boundary_nm
        if made.phases:
            assert found[1] == pytest.approx(made.phases[0].Js_T, abs=1e-5)
    for mirrored, of in ((encoding.mirror_x(images), "mirror_x"), (encoding.mirror_y(images), "mirror_y")):
        np.testing.assert_allclose(mirrored, encoding.images([getattr(made, of)() for made in DRAWN]), atol=1e-6)
    np.testing.assert_allclose(encoding.field(images), replace(encoding, boundary=None).field(bare), atol=1e-6)


def test_a_phase_that_a_surrogate_does_not_know_is_refused_in_one_sentence() -> None:
    grains = voronoi(40, 2, 4, 1.0, 1)
    one_phase = replace(ENCODING, boundary=None)
    one_phase.images([grains])
    for encoding, phase, thickness in (
        (one_phase, Phase(5e-12, 0.5), 4),
        (ENCODING, Phase(8e-12, 0.5), 4),  # another exchange
        (ENCODING, Phase(5e-12, 0.1), 4),  # less magnetic than any of the family
        (ENCODING, Phase(5e-12, 0.5), 8),  # thicker
        (ENCODING, VOID, 4),
    ):
        with pytest.raises(InputError, match=r"has a second phase .*, this surrogate knows") as refused:
            encoding.images([grains.with_boundary(thickness, phase)])
        assert "\n" not in str(refused.value)


def test_the_encoding_of_a_boundary_comes_back_from_a_card() -> None:
    plain = json.loads(json.dumps(asdict(ENCODING)))
    back = Encoding(**plain | {"shape": tuple(plain["shape"]), "boundary": Boundary.from_plain(plain["boundary"])})
    assert back == ENCODING


def test_decoded_grains_have_the_decoded_boundary_and_keep_it_when_their_axes_turn() -> None:
    """With untrained networks: what is asked is whether the numbers go all the way."""
    from simulation import ANCHORS
    from surrogate.architecture import GrainDecoderArchitecture, RegressorArchitecture, VAEArchitecture
    from surrogate.autoencoder import Autoencoder
    from surrogate.axes import steer_axes
    from surrogate.grain_decoder import GrainDecoder
    from surrogate.regressor import Regressor, RegressorNetwork, TargetScaling

    autoencoder = Autoencoder(ENCODING, VAEArchitecture(ENCODING.image_shape, 8))
    autoencoder.grain_decoder = GrainDecoder(ENCODING, GrainDecoderArchitecture.of(ENCODING.image_shape, 6))
    codes = 3 * np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    wanted = autoencoder.decode_boundary(codes)
    drawn = autoencoder.draw(codes)
    for made, (thickness_nm, js_T) in zip(drawn, wanted, strict=True):
        assert abs(made.boundary_nm - thickness_nm) <= 1.0001
        assert not made.phases or made.phases[0] == Phase(5e-12, js_T)
    assert any(made.phases for made in drawn)
    architecture, scaling = RegressorArchitecture(8, (8,), (4,)), TargetScaling.of(np.full((3, 6), np.nan))
    regressor = Regressor(RegressorNetwork(architecture, scaling), architecture, scaling)
    wanted = np.full((len(drawn), len(ANCHORS)), 0.5)
    turned = steer_axes(drawn, wanted, np.ones_like(wanted), autoencoder, regressor, steps=2)
    assert [made.phases for made in turned] == [made.phases for made in drawn]
