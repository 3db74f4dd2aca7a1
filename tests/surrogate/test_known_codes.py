"""Codes that are shipped: found by content, of this autoencoder or refused, and the rest encoded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from inverse_design.run.draws import pool_of_structures
from inverse_design.study.reading import parse_study
from inverse_design.study.shipped import encoded, known_codes, labels_of
from simulation import InputError, Microstructure
from simulation.labels.drawn import Drawn, Structures
from simulation.labels.sets import load_label_set
from surrogate import Surrogate
from surrogate.known_codes import CODES, KnownCodes

SHIPPED = Path(str(files("studies"))) / "surrogates" / "nd2fe14b" / "autoencoder"


class Recorder:
    """Encodes to ones and remembers what it was given."""

    def __init__(self, latent_dim: int) -> None:
        self.latent_dim, self.given = latent_dim, list[Microstructure]()

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray:
        self.given += list(microstructures)
        return np.ones((len(microstructures), self.latent_dim), np.float32)


@pytest.mark.parametrize("name", ["nd2fe14b", "nd2fe14b-elements"])
def test_every_labelled_structure_has_its_code(name: str) -> None:
    known, labels = known_codes(name), load_label_set(name)
    assert known is not None
    prefixes = {digest[:8].tobytes() for digest in known.structure_hash}
    assert {checksum.tobytes() for checksum in labels.checksum} == prefixes


def test_labels_of_a_shipped_surrogate_are_not_drawn() -> None:
    labels = labels_of("nd2fe14b-elements")
    assert repr(labels.structures) == "<3977 structures, 3977 not drawn>"
    train = labels.split(test=False)
    assert len(train.keys) == 3607
    assert repr(train.append(["more"], [labels.structures[0]], np.zeros((1, 6))).structures) == (
        "<3608 structures, 3607 not drawn>"
    )


def test_a_shipped_code_is_what_the_autoencoder_gives() -> None:
    model, labels = Surrogate.load("nd2fe14b-elements"), labels_of("nd2fe14b-elements")
    rows = [0, 5, 1999, 3976]
    codes = encoded("nd2fe14b-elements", model, labels.structures)[rows]
    exact = model.encode([labels.structures[row] for row in rows])
    np.testing.assert_allclose(codes, exact, atol=3e-3)
    (mean, std), (other, _) = model.predict(exact), model.predict(codes)
    assert (np.abs(other - mean) < 0.01 * std).all()
    assert repr(labels.structures) == "<3977 structures, 3973 not drawn>"


def test_keys_are_those_of_the_structures() -> None:
    from simulation import Conditions

    labels = labels_of("nd2fe14b-elements", ["test"])
    conditions = Conditions.from_json(load_label_set("nd2fe14b-elements").conditions)
    for row in (0, 369):
        assert labels.keys[row] == conditions.label_key(labels.structures[row].content_hash)


def test_what_is_unknown_is_encoded_and_nothing_else() -> None:
    known = known_codes("nd2fe14b")
    assert known is not None
    fresh = Microstructure(np.zeros((160, 160), int), np.array([0.3]))
    never = Drawn(known.structure_hash[7].tobytes().hex(), lambda: pytest.fail("drawn without need"))
    model = Recorder(known.codes.shape[1])
    codes = known.encode(model, Structures([never, fresh, never]))
    assert model.given == [fresh]
    np.testing.assert_array_equal(codes[0], known.codes[7].astype(np.float32))
    np.testing.assert_array_equal(codes[1], np.ones(800))
    np.testing.assert_array_equal(codes[2], codes[0])
    assert codes.dtype == np.float32


def test_without_shipped_codes_all_are_encoded() -> None:
    fresh = Microstructure(np.zeros((160, 160), int), np.array([0.3]))
    model = Recorder(4)
    np.testing.assert_array_equal(encoded(None, model, [fresh]), np.ones((1, 4)))


def _of_other_weights(known: KnownCodes, folder: Path) -> None:
    KnownCodes(known.structure_hash, known.codes, "0" * 64).save(folder)


def _of_other_length(known: KnownCodes, folder: Path) -> None:
    KnownCodes(known.structure_hash, known.codes[:, :4], known.encoder).save(folder)


def _not_finite(known: KnownCodes, folder: Path) -> None:
    KnownCodes(known.structure_hash, known.codes * np.float16(np.nan), known.encoder).save(folder)


def _too_few(known: KnownCodes, folder: Path) -> None:
    KnownCodes(known.structure_hash[1:], known.codes, known.encoder).save(folder)


def _truncated(known: KnownCodes, folder: Path) -> None:
    known.save(folder)
    (folder / CODES).write_bytes((folder / CODES).read_bytes()[:-1000])


@pytest.mark.parametrize("spoil", [_of_other_weights, _of_other_length, _not_finite, _too_few, _truncated])
def test_codes_that_are_not_of_this_autoencoder_are_refused(
    spoil: Callable[[KnownCodes, Path], None], tmp_path: Path
) -> None:
    shutil.copyfile(SHIPPED / "card.json", tmp_path / "card.json")
    assert KnownCodes.load(tmp_path) is None
    known = KnownCodes.load(SHIPPED)
    assert known is not None
    short = KnownCodes(known.structure_hash[:3], known.codes[:3], known.encoder)
    short.save(tmp_path)
    assert KnownCodes.load(tmp_path) is not None
    spoil(short, tmp_path)
    with pytest.raises(InputError, match=CODES):
        KnownCodes.load(tmp_path)


def test_a_search_from_a_shipped_surrogate_starts_without_a_draw() -> None:
    study = parse_study(
        "name: a\ngoals: {Mr: {target: 0.8, tolerance: 0.01}}\nsurrogate: {pretrained: nd2fe14b-elements}\n", "s.yaml"
    )
    pool = pool_of_structures(study, labels_of("nd2fe14b-elements"))
    model = Recorder(study.surrogate.latent_dim)
    assert encoded(study.surrogate.pretrained, model, pool).shape == (3977, 800)
    assert model.given == []
    assert repr(pool) == "<3977 structures, 3977 not drawn>"
