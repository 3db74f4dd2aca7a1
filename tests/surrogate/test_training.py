"""Trainings repeat, resume and continue; what was trained saves, loads, and refuses what it should."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from simulation import InputError, Microstructure
from surrogate import (
    Autoencoder,
    FamilyImages,
    RegressorArchitecture,
    RegressorTraining,
    Schedule,
    Surrogate,
    VAEArchitecture,
    VAETraining,
    continue_training,
    save_history,
    train_regressor,
    train_vae,
)
from surrogate.batches import held_out
from surrogate.calibration import Calibration
from surrogate.card import checksum
from surrogate.metrics import axis_error_deg, evaluate, latent_dimensions_in_use
from surrogate.regressor import Regressor
from surrogate.training import fit_regressor, settle_between
from tests.surrogate.conftest import ENCODING, FAMILY, REGRESSOR_SETTINGS, stand_in_labels

Draw = Callable[[int], list[Microstructure]]
SMALL = VAEArchitecture(ENCODING.image_shape, 4, width=0.25)
SHORT = VAETraining(Schedule(3, 16, 1e-3, patience=2), validation=0.1, seed=7)
HEADS = RegressorArchitecture(12, (16,), (4,), members=2)
SHORT_HEADS = RegressorTraining(Schedule(6, 16, 1e-3, patience=3), noise=0.5, seed=8)


class Killed(Exception):
    """Stands for a signal in the middle of a training."""


def kill_at(step: int) -> Callable[[int, int, dict[str, float]], None]:
    def progress(done: int, total: int, losses: dict[str, float]) -> None:
        if done == step:
            raise Killed

    return progress


def weights(network: object) -> list[np.ndarray]:
    return network.get_weights()  # type: ignore[attr-defined]


def assert_same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)


def short_vae(settings: VAETraining = SHORT, **arguments: object) -> tuple[Autoencoder, list[dict[str, float]]]:
    images = FamilyImages(FAMILY, ENCODING, 160, seed=2)
    return train_vae(images, ENCODING, SMALL, settings, **arguments)  # type: ignore[arg-type]


def test_autoencoder_of_one_seed_is_the_same_again_even_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, history = short_vae()
    monkeypatch.setattr("surrogate.checkpoint.INTERVAL_S", 0.0)
    with pytest.raises(Killed):
        short_vae(checkpoint=tmp_path, progress=kill_at(13))  # in the second epoch of nine steps
    seen: list[int] = []
    resumed, resumed_history = short_vae(checkpoint=tmp_path, progress=lambda done, total, losses: seen.append(done))
    assert seen[0] == 13  # the step in flight is done again
    assert_same(weights(first.decoder), weights(resumed.decoder))
    assert_same(weights(first.encoder), weights(resumed.encoder))
    assert resumed_history == history
    with pytest.raises(Killed):  # the finished state of one seed is nothing to another
        short_vae(settings=replace(SHORT, seed=9), checkpoint=tmp_path, progress=kill_at(1))


def test_regressor_of_one_seed_is_the_same_again_even_after_a_kill(
    autoencoder: Autoencoder, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = draw(48)
    labels = stand_in_labels(structures)

    def train(**arguments: object) -> Surrogate:
        return train_regressor(autoencoder, structures, labels, HEADS, SHORT_HEADS, **arguments)[0]  # type: ignore[arg-type]

    first = train()
    monkeypatch.setattr("surrogate.checkpoint.INTERVAL_S", 0.0)
    with pytest.raises(Killed):
        train(checkpoint=tmp_path, progress=kill_at(8))
    assert_same(weights(first.regressor.network), weights(train(checkpoint=tmp_path).regressor.network))
    done: list[int] = []
    train(checkpoint=tmp_path, progress=lambda step, total, losses: done.append(step))
    assert done == []  # a finished training is not done again


def test_autoencoder_learns_the_axes(surrogate: Surrogate, draw: Draw) -> None:
    structures = draw(260)[160:]  # never trained on
    assert axis_error_deg(surrogate, structures).mean() < 20  # 45 degrees would be chance
    assert latent_dimensions_in_use(surrogate.encode(structures)) >= 8
    moved = surrogate.reencode(surrogate.encode(structures)) - surrogate.encode(structures)
    assert moved.std() < 0.5 * surrogate.encode(structures).std()


def test_regressor_learns_the_anchors_and_knows_its_error(surrogate: Surrogate, draw: Draw) -> None:
    structures = draw(260)[160:]
    labels = stand_in_labels(structures)
    result = evaluate(surrogate, structures, labels)
    assert result.n == 100
    remanence = 1
    assert result.mae[remanence] < 0.35 * np.abs(labels[:, 1] - labels[:, 1].mean()).mean()
    assert result.within_1_std[remanence] > 0.5
    assert result.within_2_std[remanence] > 0.8
    assert set(result.as_dict()["paper"]) == {"M1", "Mr", "Hk90", "Hk80", "Hk70", "Hc"}  # type: ignore[call-overload]


def test_more_labels_improve_a_surrogate_where_it_was_wrong(surrogate: Surrogate, draw: Draw) -> None:
    structures = draw(176)
    labels = stand_in_labels(structures)
    labels[160:, 5] += 0.2  # news about the last sixteen
    labels[165, 5] = np.nan
    settings = replace(REGRESSOR_SETTINGS, schedule=Schedule(30, 32, 1e-3))
    before = surrogate.predict(surrogate.encode(structures[166:]))[0][:, 5]
    kept = weights(surrogate.regressor.network)
    after, _ = continue_training(surrogate, structures, labels, settings, new=16)
    moved = after.predict(surrogate.encode(structures[166:]))[0][:, 5] - before
    assert moved.mean() > 0.02
    assert_same(kept, weights(surrogate.regressor.network))  # the old surrogate stays as it was


def test_more_labels_are_learnt_beside_a_part_of_the_old_ones_only(
    surrogate: Surrogate, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = draw(168)
    labels = stand_in_labels(structures)
    learnt: dict[str, np.ndarray] = {}

    def fit(codes: np.ndarray, anchors: np.ndarray, *rest: Any, number: np.ndarray) -> tuple[Any, list[Any]]:
        learnt.update(codes=codes, anchors=anchors, number=number)
        return surrogate.regressor, []

    monkeypatch.setattr("surrogate.training.fit_regressor", fit)
    monkeypatch.setattr("surrogate.training.REHEARSED", 40)
    continue_training(surrogate, structures, labels, REGRESSOR_SETTINGS, new=8)
    number = learnt["number"]
    assert len(set(number)) == len(number) == len(learnt["codes"]) == 48
    assert number[-8:].tolist() == list(range(160, 168))  # every new one, whatever the choice of old ones
    np.testing.assert_array_equal(learnt["anchors"], labels[number])


def test_labels_at_the_end_leave_the_folds_of_the_others_alone() -> None:
    few, more = held_out(np.arange(40), 4, 4), held_out(np.arange(47), 4, 4)
    np.testing.assert_array_equal(few, more[:40])
    assert few.sum(axis=0).tolist() == [10, 10, 10, 10]
    assert few.sum(axis=1).max() == 2  # some labels tell how far two members differ on what neither has seen
    assert not held_out(np.arange(40), 4, 0).any()


def test_saved_surrogate_answers_as_before(surrogate: Surrogate, draw: Draw, tmp_path: Path) -> None:
    structures = draw(5)
    replace(surrogate, about={"material": "Nd2Fe14B"}).save(tmp_path / "saved")
    moved = shutil.move(tmp_path / "saved", tmp_path / "elsewhere")
    loaded = Surrogate.load(moved)
    codes = surrogate.encode(structures)
    np.testing.assert_array_equal(loaded.encode(structures), codes)
    np.testing.assert_array_equal(loaded.decode(codes), surrogate.decode(codes))
    for ours, theirs in zip(loaded.predict(codes), surrogate.predict(codes), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.about == {"material": "Nd2Fe14B"}
    names = sorted(p.suffix for p in Path(moved).rglob("*") if p.is_file())
    assert names == [".h5", ".h5", ".h5", ".json", ".json", ".npz"]


def test_a_calibration_is_saved_with_the_regressor(surrogate: Surrogate, draw: Draw, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    predicted, spread = rng.uniform(size=(50, 6)), rng.uniform(0.01, 0.02, (50, 6))
    calibration = Calibration.fit(predicted, spread, predicted + 0.05 * rng.normal(size=(50, 6)))
    old = surrogate.regressor
    new = Regressor(old.network, old.architecture, old.scaling, old.residual_std, calibration)
    replace(surrogate, regressor=new).save(tmp_path)
    codes = surrogate.encode(draw(5))
    mean, std = Surrogate.load(tmp_path).predict(codes)
    np.testing.assert_array_equal(mean, surrogate.predict(codes)[0])
    np.testing.assert_array_equal(std, calibration.standard_deviation(*old.mean_and_spread(codes)))


def test_a_run_folder_gives_its_latest_regressor(surrogate: Surrogate, tmp_path: Path) -> None:
    surrogate.autoencoder.save(tmp_path / "vae")
    for number in (0, 2, 10):
        replace(surrogate, about={"round": number}).save(tmp_path / "regressor" / str(number), tmp_path / "vae")
    assert Surrogate.load(tmp_path).about == {"round": 10}
    assert not (tmp_path / "regressor" / "10" / "autoencoder").exists()


def edit_card(folder: Path, **changes: object) -> None:
    """Write what another program could have written: a card of its own, without a checksum."""
    path = folder / "card.json"
    card = json.loads(path.read_text())
    del card["checksum"]
    path.write_text(json.dumps({**card, **changes}))


def spoil_weights(folder: Path, name: str) -> None:
    """One weight is no number, under a checksum that is right."""
    with h5py.File(folder / name, "r+") as file:
        found: list[Any] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) and item.size else None)
        found[0][(0,) * found[0].ndim] = math.nan
    edit_card(folder, files={**json.loads((folder / "card.json").read_text())["files"], name: checksum(folder / name)})


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


WITH_STATISTICS_OF_A_GRID = {
    "mean": [0.0] * 11,
    "std": [1.0] * 11,
    "weights": [[0.0] * 25] * 6,
    "quantiles": [[1.0] * 6] * 2,
}


SHRINKING = {
    "mean": [0.0] * 6,
    "std": [1.0] * 6,
    "weights": [[0.0] * 15] * 6,
    "quantiles": [[2.0] * 6, [1.0] * 6],
}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: edit_card(f, format=1), "written in format 1"),
        (lambda f: edit_card(f, calibration={"mean": [1, 2]}), "calibration is broken"),
        (lambda f: edit_card(f, calibration=WITH_STATISTICS_OF_A_GRID), "not the statistics of this code"),
        (lambda f: edit_card(f, surprise=1), "surprise"),
        (lambda f: edit_card(f, scaling={"mean": [1]}), "scaling"),
        (lambda f: edit_card(f, architecture={"latent_dim": 12, "shared": [10**9]}), "8192"),
        (lambda f: edit_card(f, architecture=[1]), "card.json"),
        (lambda f: edit_card(f, residual_std="much"), "residual_std"),
        (lambda f: edit_card(f, residual_std=[0.1] * 5 + [-0.1]), "negative residual"),
        (lambda f: edit_card(f, residual_std=[0.1] * 5 + [math.nan]), "residual_std"),
        (lambda f: edit_card(f, scaling=dict.fromkeys(("mean", "std", "start", "step"), [0.0] * 6)), "not positive"),
        (lambda f: edit_card(f, calibration=SHRINKING), "intervals that shrink"),
        (lambda f: edit_card(f, **dict.fromkeys(map(str, range(30_000)))), "missing or unknown"),
        (lambda f: spoil_weights(f, "regressor.weights.h5"), "no finite numbers"),
        (lambda f: spoil_weights(f / "autoencoder", "encoder.weights.h5"), "no finite numbers"),
        (lambda f: edit_card(f, autoencoder=[]), "autoencoder"),
        (lambda f: (f / "card.json").write_text("{"), "not a readable card"),
        (lambda f: (f / "card.json").write_text("[]"), "not a readable card"),
        (lambda f: truncate(f / "regressor.weights.h5"), "damaged"),
        (lambda f: (f / "regressor.weights.h5").unlink(), "missing"),
        (lambda f: truncate(f / "autoencoder" / "decoder.weights.h5"), "damaged"),
        (lambda f: (f / "autoencoder" / "card.json").unlink(), "card.json is missing"),
        (lambda f: (f / "card.json").unlink(), "no trained surrogate"),
    ],
)
def test_broken_or_foreign_files_are_refused_with_a_sentence(
    surrogate: Surrogate, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "saved"
    surrogate.save(folder)
    spoil(folder)
    with pytest.raises(InputError, match=said) as caught:
        Surrogate.load(folder)
    assert len(str(caught.value).splitlines()) <= 2


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="no surrogate 'nothing'"):
        Surrogate.load("nothing")


@pytest.mark.parametrize("shape", [(12,), (3, 11), (2, 3, 12)])
def test_codes_of_another_length_are_refused(surrogate: Surrogate, shape: tuple[int, ...]) -> None:
    for function in (surrogate.predict, surrogate.decode):
        with pytest.raises(InputError, match="latent codes"):
            function(np.zeros(shape))


def test_labels_must_fit_their_structures(autoencoder: Autoencoder, draw: Draw) -> None:
    for labels in (np.zeros((7, 6)), np.zeros((8, 5)), np.full((8, 6), np.inf)):
        with pytest.raises(InputError, match="labels must be"):
            train_regressor(autoencoder, draw(8), labels, HEADS, SHORT_HEADS)


def test_history_is_a_table(tmp_path: Path) -> None:
    save_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "val_loss": 0.3}], tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == "epoch,loss,val_loss\n1,0.5,\n2,0.25,0.3\n"


def test_settled_regressors_say_of_a_midpoint_what_its_decoded_field_is_said_to_be() -> None:
    rng = np.random.default_rng(5)
    half: Any = SimpleNamespace(decode_images=lambda z: 0.5 * z, encode_images=lambda images: images)
    codes = rng.normal(size=(100, 1, 2, 4)).astype(np.float32)
    codes[:, :, 1] = 0
    labels = np.cumsum(rng.uniform(0.05, 0.1, (100, 6)), axis=1)
    labels[:, :2] = 0.5 + 0.1 * codes[:, 0, 0, :1]
    architecture = RegressorArchitecture(4, (32,), (8,), members=2, ordered=False)
    settings = RegressorTraining(Schedule(40, 16, 3e-3), folds=0, noise=0.0, mirror=False, seed=8)
    first, _ = fit_regressor(codes, labels, architecture, settings)
    before = [array.copy() for array in weights(first.network)]
    settled, again = (settle_between(half, first, codes, labels, 1000, settings)[0] for _ in range(2))
    assert_same(weights(settled.network), weights(again.network))
    assert_same(weights(first.network), before)
    between = (codes[:50, 0, 0] + codes[50:, 0, 0]) / 2
    wanted = first.mean_and_spread(0.5 * between)[0][:, 0]
    off = [np.abs(r.mean_and_spread(between)[0][:, 0] - wanted).mean() for r in (first, settled)]
    assert off[1] < 0.5 * off[0]
