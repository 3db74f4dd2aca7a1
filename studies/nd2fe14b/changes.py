"""What each change to the paper's surrogate brings: one after the other, on a small budget that is the same for all.

    python -m studies.nd2fe14b.changes [--work DIR]

The first row is the configuration of Kovacs et al. (2022), Tables 1 and 2, as it is; every other one is the row before
with one thing changed. Every autoencoder sees `PASSES` unlabelled structures (the shipped one 160,000, the paper's
1.3e8), every regressor `EPOCHS` times three quarters of the training split; the errors are those of the fourth quarter,
the first fold of `studies.nd2fe14b.train`. The test split is not touched. Half an hour on two quiet cores; the rows
that are done are kept in `--work`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.progress import track
from simulation import ANCHORS, InputError, Microstructure, StructureFamily
from simulation.files import write_text
from simulation.labels.sets import SPLITS, load_label_set
from studies.nd2fe14b.train import AUTOENCODER, FOLD_MEMBERS, FOLDS, REGRESSOR_TRAINING, SEED, VAE_TRAINING
from studies.nd2fe14b.train import ENCODING as COARSE
from studies.script import command
from surrogate.architecture import RegressorArchitecture, VAEArchitecture
from surrogate.autoencoder import Autoencoder
from surrogate.encoding import Encoding, axis_error_rad
from surrogate.images import FamilyImages
from surrogate.regressor import Regressor
from surrogate.settings import RegressorTraining, Schedule, VAETraining
from surrogate.training import fit_regressor, label_codes, train_vae

STRUCTURES, PASSES, EPOCHS = 4096, 8192, 60
DECODED = 128
"""Structures of the fold whose decoded axes are compared."""


@dataclass(frozen=True)
class Variant:
    """A row of the table.

    Args:
        title: what has changed.
        encoding, autoencoder, vae_training: of the autoencoder.
        regressor, regressor_training: of the regressor.
        pooled: whether predictions are means over the four mirrored copies.
    """

    title: str
    encoding: Encoding
    autoencoder: VAEArchitecture
    vae_training: VAETraining
    regressor: RegressorArchitecture
    regressor_training: RegressorTraining
    pooled: bool = False


def variants() -> list[Variant]:
    """The rows in their order."""
    kx = Encoding("kx")
    passes, both = PASSES // STRUCTURES, Encoding("double_angle")
    constant = VAETraining(Schedule(passes, 64, 1e-4), kl_weight=1.0, kl_warmup=0.0, mirror=False, seed=SEED)
    plain = RegressorTraining(Schedule(EPOCHS, 16, 1e-4), folds=0, noise=0.0, mirror=False, seed=SEED)
    falling = replace(VAE_TRAINING, schedule=replace(VAE_TRAINING.schedule, epochs=passes))
    robust = replace(REGRESSOR_TRAINING, schedule=replace(REGRESSOR_TRAINING.schedule, epochs=EPOCHS))
    grid = RegressorArchitecture.on_grid(AUTOENCODER.latent_dim, AUTOENCODER.latent_grid)
    rows = [Variant("the paper's", kx, VAEArchitecture(), constant, RegressorArchitecture.paper(), plain)]

    def change(title: str, **fields: Any) -> None:
        rows.append(replace(rows[-1], title=f"+ {title}", **fields))

    change(
        "rates that fall, less weight on KL",
        vae_training=replace(falling, mirror=False),
        regressor_training=replace(plain, schedule=robust.schedule),
    )
    change("double angle", encoding=both, autoencoder=VAEArchitecture(both.image_shape))
    change("mirrors", vae_training=falling, regressor_training=replace(robust, noise=0.0, huber=0.0))
    change("pixels of 4 nm", encoding=COARSE, autoencoder=VAEArchitecture(COARSE.image_shape))
    change("code and regressor on a grid", autoencoder=AUTOENCODER, regressor=grid)
    change("noise of the encoder, Huber's loss", regressor_training=robust)
    change(f"ensemble of {FOLD_MEMBERS}", regressor=replace(grid, members=FOLD_MEMBERS))
    change("mean over mirrored copies", pooled=True)
    return rows


@dataclass
class Bench:
    """The labelled structures, and what the last variants left for the next: most share something."""

    structures: list[Microstructure]
    anchors: np.ndarray
    _codes: tuple[Any, np.ndarray, float] | None = None
    _regressor: tuple[Any, Regressor] | None = None

    @property
    def held(self) -> np.ndarray:
        """(n,) the fold that is predicted."""
        return np.arange(len(self.structures)) % FOLDS == 0

    def codes(self, variant: Variant) -> tuple[np.ndarray, float]:
        """Codes (n, 4, 2, latent_dim) of all, and the mean error of decoded axes in degrees."""
        key = (variant.encoding, variant.autoencoder, variant.vae_training)
        if self._codes is None or self._codes[0] != key:
            images = FamilyImages(StructureFamily(), variant.encoding, STRUCTURES, SEED)
            with track("autoencoder") as update:
                trained, _ = train_vae(
                    images,
                    variant.encoding,
                    variant.autoencoder,
                    variant.vae_training,
                    lambda done, total, losses: update(done, total, f"loss {losses['loss']:.4g}"),
                )
            codes = label_codes(trained, self.structures, RegressorTraining(noise=1.0))
            self._codes = (key, codes, self._axis_error_deg(trained, codes))
        return self._codes[1:]

    def _axis_error_deg(self, autoencoder: Autoencoder, codes: np.ndarray) -> float:
        rows = np.flatnonzero(self.held)[:DECODED]
        original = np.stack([self.structures[row].angle_rad for row in rows])
        return float(np.degrees(axis_error_rad(autoencoder.decode(codes[rows, 0, 0]), original).mean()))

    def run(self, variant: Variant) -> dict[str, Any]:
        """Train, predict the fold; errors of the six anchors and of the axes, seconds."""
        start = time.perf_counter()
        codes, axis_error = self.codes(variant)
        key = replace(variant, title="", pooled=False)
        if self._regressor is None or self._regressor[0] != key:
            settings = variant.regressor_training
            shown = codes[~self.held, : 4 if settings.mirror else 1] * np.array([[1], [settings.noise]], np.float32)
            with track("regressor") as update:
                regressor, _ = fit_regressor(
                    shown,
                    self.anchors[~self.held],
                    variant.regressor,
                    settings,
                    None,
                    lambda done, total, losses: update(done, total, f"loss {losses['loss']:.4g}"),
                )
            self._regressor = (key, regressor)
        copies = range(4 if variant.pooled else 1)
        predictions = [self._regressor[1].mean_and_spread(codes[self.held, copy, 0])[0] for copy in copies]
        error = np.abs(np.mean(predictions, axis=0) - self.anchors[self.held]).mean(axis=0)
        return {"mae": error.tolist(), "axis_error_deg": axis_error, "seconds": time.perf_counter() - start}


def table(work: Path) -> str:
    """Run what is not done; the table in Markdown."""
    rows, results, bench = variants(), [], None
    for variant in rows:
        file = work / f"{PASSES}-{EPOCHS}" / f"{variant.title.lstrip('+ ').replace(' ', '-')}.json"
        if not file.exists():
            bench = bench or _bench()
            print(variant.title, file=sys.stderr, flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, json.dumps({"variant": repr(variant), **bench.run(variant)}))
        found = json.loads(file.read_text())
        if found.pop("variant") != repr(variant):
            raise InputError(f"{file} is of another variant of this name: remove it")
        results.append(found)
    first = np.array(results[0]["mae"])
    lines = [f"| | {' | '.join(ANCHORS)} | of the first row | axes off by |", "| --- " * 9 + "|"]
    for variant, found in zip(rows, results, strict=True):
        errors = " | ".join(f"{error:.4f}" for error in found["mae"])
        share = np.exp(np.log(np.array(found["mae"]) / first).mean())
        lines.append(f"| {variant.title} | {errors} | {share:.0%} | {found['axis_error_deg']:.1f}° |")
    return "\n".join(lines)


def _bench() -> Bench:
    labels = load_label_set("nd2fe14b")
    rows = np.flatnonzero(labels.split == SPLITS.index("train"))
    return Bench([labels.structure(int(labels.index[row])) for row in rows], labels.anchors[rows])


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.nd2fe14b.changes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--work", type=Path, default=Path("runs/changes"), metavar="DIR", help="keeps the rows done")
    print(table(parser.parse_args(arguments).work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
