"""The shipped surrogates of 320 nm Nd2Fe14B: trained on the shipped labels, judged against the paper's Table 3.

    python -m studies.nd2fe14b.train [--labels nd2fe14b] [--work DIR] [--to DIR]
    python -m studies.nd2fe14b.train --labels nd2fe14b-elements
    python -m studies.nd2fe14b.train --labels nd2fe14b-free
    python -m studies.nd2fe14b.train --grains
    python -m studies.nd2fe14b.train --novelty

One autoencoder of unlabelled structures serves all sets, and so does the decoder that draws grains from what it
decodes (`--grains` trains that alone, for the autoencoder that is shipped; `--novelty` writes what the novelty of a
structure is told by, for all). For each set: four-fold cross-validation on
the training split, which the uncertainties are calibrated on; then the ensemble that is shipped, trained on the whole
training split; last, and once, the test split. Every ensemble is settled between its codes after it has learnt the
labels. Half an hour to an hour for two sets on two cores. A training that was killed goes on where it was; `--work`
keeps what is done. Where `--to` has an autoencoder already, that is the one.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from inverse_design.progress import Update, track
from inverse_design.run.keys import GRAIN_HISTORY, HISTORY
from simulation import ANCHORS, Conditions, StructureFamily
from simulation.labels.sets import SPLITS, LabelSet, load_label_set
from studies.nd2fe14b.codes import NAMES, write_codes
from studies.script import command
from surrogate.architecture import RegressorArchitecture, VAEArchitecture
from surrogate.autoencoder import Autoencoder
from surrogate.calibration import Calibration, code_statistics
from surrogate.card import read_card
from surrogate.encoding import Encoding
from surrogate.fitting import Progress, save_history
from surrogate.grain_decoder import GrainDecoder
from surrogate.grain_training import train_grain_decoder
from surrogate.images import FamilyImages
from surrogate.metrics import PAPER_MAE, evaluate
from surrogate.novelty import Novelty
from surrogate.regressor import Regressor
from surrogate.settings import GrainDecoderTraining, RegressorTraining, Schedule, VAETraining
from surrogate.surrogate import Surrogate
from surrogate.training import fit_regressor, label_codes, settle_between, train_vae

SEED = 2203
ENCODING = Encoding("double_angle", (160, 160), 2.0, cells_per_pixel=2)
AUTOENCODER = VAEArchitecture(ENCODING.image_shape, latent_dim=800, layout="grid")
STRUCTURES = 20_000
VAE_TRAINING = VAETraining(Schedule(8, 64, 2e-3, cosine=True), kl_weight=0.03, kl_warmup=0.1, seed=SEED)
GRAIN_TRAINING = GrainDecoderTraining(Schedule(3, 16, 2e-3, cosine=True), seed=SEED)
MEMBERS, FOLDS, FOLD_MEMBERS, MIDPOINTS = 6, 4, 3, 6_000
REGRESSOR_TRAINING = RegressorTraining(Schedule(60, 64, 2e-3, cosine=True), folds=0, noise=1.0, huber=0.3, seed=SEED)
SETTLING = replace(REGRESSOR_TRAINING, schedule=Schedule(12, 64, 1e-3, cosine=True))


def autoencoder_of(work: Path) -> Autoencoder:
    """Trained on structures that no label set holds, with its grain decoder; read if it is there."""
    folder = work / "autoencoder"
    images = FamilyImages(StructureFamily(), ENCODING, STRUCTURES, SEED)
    if not (folder / "card.json").exists():
        with track("autoencoder") as update:
            trained, history = train_vae(
                images, ENCODING, AUTOENCODER, VAE_TRAINING, _shown(update), work / "autoencoder-checkpoint"
            )
        save_history(history, work / "autoencoder.csv")
        trained.save(folder)
    autoencoder = Autoencoder.load(folder)
    if autoencoder.grain_decoder is None:
        autoencoder.grain_decoder = grain_decoder_of(autoencoder, images, work)
        autoencoder.save(folder)
    return autoencoder


def grain_decoder_of(autoencoder: Autoencoder, images: FamilyImages, work: Path) -> GrainDecoder:
    """Trained on the codes of the structures that the autoencoder was trained on."""
    with track("grain decoder") as update:
        decoder, history = train_grain_decoder(
            autoencoder, images, GRAIN_TRAINING, None, _shown(update), work / "grains-checkpoint"
        )
    save_history(history, work / GRAIN_HISTORY)
    return decoder


def ship_grains(work: Path, to: Path) -> None:
    """Train the grain decoder of the autoencoder that is there, and write it beside."""
    folder = to / NAMES[0] / "autoencoder"
    autoencoder = Autoencoder.load(folder)
    images = FamilyImages(StructureFamily(), ENCODING, STRUCTURES, SEED)
    autoencoder.grain_decoder = grain_decoder_of(autoencoder, images, work)
    autoencoder.save_grain_decoder(folder)
    shutil.copyfile(work / GRAIN_HISTORY, folder / GRAIN_HISTORY)


def novelty_of(labels: LabelSet, autoencoder: Autoencoder, grid: tuple[int, int] | None) -> Novelty | None:
    """What the novelty of a structure is told by: the training split."""
    rows = labels.index[labels.split == SPLITS.index("train")]
    return Novelty.of(autoencoder, grid, [labels.structure(int(row)) for row in rows])


def ship_novelty(name: str, to: Path) -> None:
    """Write it beside a surrogate that is there."""
    card = read_card(to / name)
    autoencoder = Autoencoder.load((to / name) / card.autoencoder)
    found = novelty_of(load_label_set(name), autoencoder, card.architecture.grid)
    if found is not None:
        found.save(to / name, card.files["regressor.weights.h5"])


def codes_of(labels: LabelSet, split: str, autoencoder: Autoencoder, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 4, 2, latent_dim) and anchors (n, 6) of a split; the codes are kept in a file."""
    rows = np.flatnonzero(labels.split == SPLITS.index(split))
    if not file.exists():
        structures = [labels.structure(int(labels.index[row])) for row in rows]
        np.save(file, label_codes(autoencoder, structures, REGRESSOR_TRAINING))
    return np.load(file), labels.anchors[rows]


def train(
    autoencoder: Autoencoder, codes: np.ndarray, anchors: np.ndarray, members: int, name: str, work: Path
) -> Regressor:
    """An ensemble on these labels, then settled between their codes; goes on from its checkpoints."""
    architecture = RegressorArchitecture.on_grid(AUTOENCODER.latent_dim, AUTOENCODER.latent_grid, members)
    with track(name) as update:
        first, history = fit_regressor(
            codes, anchors, architecture, REGRESSOR_TRAINING, None, _shown(update), work / f"{name}-checkpoint"
        )
    save_history(history, work / f"{name}.csv")
    with track(f"{name}, between codes") as update:
        checkpoint = work / f"{name}-between-checkpoint"
        return settle_between(autoencoder, first, codes, anchors, MIDPOINTS, SETTLING, _shown(update), checkpoint)[0]


def cross_validate(
    autoencoder: Autoencoder, codes: np.ndarray, anchors: np.ndarray, name: str, work: Path, learnt: int = FOLDS - 1
) -> np.ndarray:
    """Mean and spread (2, n, 6) of every label by an ensemble that has learnt from `learnt` other folds, and has seen
    neither the label nor its mirrored copies."""
    found, fold = np.zeros((2, *anchors.shape)), np.arange(len(anchors)) % FOLDS
    for number in range(FOLDS):
        held, rows = fold == number, np.isin(fold, (number + 1 + np.arange(learnt)) % FOLDS)
        title = f"{name}-fold-{number}-from-{learnt}"
        file = work / f"{title}.npy"
        if not file.exists():
            regressor = train(autoencoder, codes[rows], anchors[rows], FOLD_MEMBERS, title, work)
            np.save(file, np.stack(regressor.mean_and_spread(codes[held, 0, 0])))
        found[:, held] = np.load(file)
        off = np.abs(found[0, held] - anchors[held]).mean(axis=0)
        print(f"{title}: {_row(off)}", file=sys.stderr, flush=True)
    return found


def gain_of_members(mean: np.ndarray, spread: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(6,) error of `MEMBERS` members in units of that of `FOLD_MEMBERS`, from cross-validation.

    The mean square error of a mean of M falls with the variance between members as variance / M.
    """
    variance, square = (spread**2).mean(axis=0), ((mean - anchors) ** 2).mean(axis=0)
    return np.sqrt(1 - (1 / FOLD_MEMBERS - 1 / MEMBERS) * variance / square)


def gain_of_labels(mean: np.ndarray, halved: np.ndarray, anchors: np.ndarray, name: str) -> np.ndarray:
    """(6,) error with all labels in units of that with the three of four folds that cross-validation learns from.

    Errors fall as a power of the number of labels (Hestness et al. 2017). Its exponent comes from what ensembles that
    learnt from two folds predict (n, 6), against the means (n, 6) of those that learnt from three.
    """
    ratio = np.abs(mean - anchors).mean(axis=0) / np.abs(halved - anchors).mean(axis=0)
    exponent = np.maximum(-np.log(ratio) / np.log((FOLDS - 1) / 2), 0)
    print(
        f"{name}, errors fall with the number of labels to the power of: {_row(-exponent)}", file=sys.stderr, flush=True
    )
    return np.asarray(((FOLDS - 1) / FOLDS) ** exponent)


def ship(name: str, labels: LabelSet, work: Path, to: Path) -> str:
    """Train, calibrate, write and judge the surrogate of one set of labels; the table in Markdown."""
    shared = to / NAMES[0] / "autoencoder"
    autoencoder = Autoencoder.load(shared) if (shared / "card.json").exists() else autoencoder_of(work)
    codes, anchors = codes_of(labels, "train", autoencoder, work / f"codes-train-{name}.npy")
    mean, spread = cross_validate(autoencoder, codes, anchors, name, work)
    validated = np.abs(mean - anchors).mean(axis=0)
    regressor = train(autoencoder, codes, anchors, MEMBERS, name, work)
    statistics = code_statistics(codes[:, 0, 0], regressor.architecture.grid)
    halved, _ = cross_validate(autoencoder, codes, anchors, name, work, learnt=2)
    gain = gain_of_members(mean, spread, anchors) * gain_of_labels(mean, halved, anchors, name)
    regressor.calibration = Calibration.fit(mean, spread, anchors, statistics, gain)
    surrogate = Surrogate(autoencoder, regressor, known=novelty_of(labels, autoencoder, regressor.architecture.grid))
    test = [int(i) for i in labels.index[labels.split == SPLITS.index("test")]]
    result = evaluate(surrogate, [labels.structure(i) for i in test], labels.anchors[: len(test)])
    about = {
        "name": name,
        "labels_of": name,
        **_sections(labels),
        "command": f"python -m studies.nd2fe14b.train --labels {name}",
        "training_labels": len(anchors),
        "cross_validated": dict(zip(ANCHORS, validated.tolist(), strict=True)),
        "test": result.as_dict(),
    }
    if not (shared / "card.json").exists():
        autoencoder.save(shared)
        shutil.copyfile(work / "autoencoder.csv", shared / HISTORY)
        shutil.copyfile(work / GRAIN_HISTORY, shared / GRAIN_HISTORY)
        write_codes(labels, shared)
    replace(surrogate, about=about).save(to / name, autoencoder=shared)
    shutil.copyfile(work / f"{name}.csv", to / name / HISTORY)
    lines = [f"| {name} | {' | '.join(ANCHORS)} |", "| --- " * 7 + "|"]
    rows = {
        "cross-validation, training split": validated,
        f"test split, {result.n} structures": np.array(result.mae),
        "the paper": np.array(list(PAPER_MAE.values())),
        "within one standard deviation": np.array(result.within_1_std),
        "within two": np.array(result.within_2_std),
        "rank correlation with the error": np.array(result.rank_correlation),
    }
    return "\n".join([*lines, *(f"| {title} | {_row(values)} |" for title, values in rows.items())])


def _sections(labels: LabelSet) -> dict[str, object]:
    """What a study that uses this surrogate has for material, structures, field sweep and labels."""
    conditions, family = Conditions.from_json(labels.conditions), labels.family
    counts = {"count": len(labels.index), "test": int((labels.split == SPLITS.index("test")).sum())}
    return {
        "material": asdict(conditions.material),
        "microstructures": {
            "size_nm": family.size_nm,
            "cell_nm": family.cell_nm,
            "grains": list(family.grains),
            "misorientation_deg": [round(math.degrees(angle), 9) for angle in family.misorientation_rad],
        },
        "field_sweep": asdict(conditions.sweep),
        "labels": {**counts, **_solver(conditions)},
    }


def _solver(conditions: Conditions) -> dict[str, object]:
    """Keys of a study's `labels` that say by what they are simulated; of planar spins none, which are the default."""
    said: dict[str, object] = {"backend": conditions.backend, "discretization": conditions.discretization}
    spins = conditions.settings.get("spins", "planar")
    return said if spins == "planar" else {**said, "spins": spins}


def _row(values: np.ndarray) -> str:
    return " | ".join(f"{value:.4f}" for value in values)


def _shown(update: Update) -> Progress:
    def show(done: int, total: int, losses: dict[str, float]) -> None:
        update(done, total, f"loss {losses['loss']:.4g}")

    return show


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Train one set's surrogate."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.nd2fe14b.train", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--labels", default=NAMES[0], metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--work", type=Path, default=Path("runs/train"), metavar="DIR", help="checkpoints and folds")
    parser.add_argument(
        "--to", type=Path, default=Path("studies/surrogates"), metavar="DIR", help="where it is written"
    )
    parser.add_argument("--set", type=Path, metavar="FILE", help="labels from a store or a set's file instead")
    parser.add_argument("--grains", action="store_true", help="train the grain decoder alone")
    parser.add_argument("--novelty", action="store_true", help="what novelty is told by, of the surrogates there")
    options = parser.parse_args(arguments)
    if options.novelty:
        for name in NAMES:
            if (options.to / name / "card.json").is_file():
                ship_novelty(name, options.to)
        return 0
    if options.grains:
        options.work.mkdir(parents=True, exist_ok=True)
        ship_grains(options.work, options.to)
        return 0
    labels = load_label_set(options.set or options.labels)
    options.work.mkdir(parents=True, exist_ok=True)
    print(ship(options.labels, labels, options.work, options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
