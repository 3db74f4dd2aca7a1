"""Codes of the labelled structures, shipped beside the autoencoder so that no run draws and encodes 4,000 of them.

    python -m studies.nd2fe14b.codes [--to DIR]

Half a minute. All label sets are of the same structures, and all surrogates have the same autoencoder. Prints by how
much half precision moves what is predicted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simulation import ANCHORS
from simulation.labels.sets import LabelSet, load_label_set
from studies.script import command
from surrogate.autoencoder import Autoencoder
from surrogate.known_codes import CODES, KnownCodes
from surrogate.surrogate import Surrogate

NAMES = ("nd2fe14b", "nd2fe14b-elements", "nd2fe14b-free")


def write_codes(labels: LabelSet, folder: Path) -> tuple[KnownCodes, np.ndarray]:
    """Encode a set's structures by the autoencoder in a folder and write their codes there; also as encoded."""
    structures = [labels.structure(int(identity)) for identity in labels.index]
    codes = Autoencoder.load(folder).encode(structures)
    known = KnownCodes.of(structures, codes, folder)
    known.save(folder)
    return known, codes


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and say what its precision costs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=Path("studies/surrogates"), metavar="DIR", help="the surrogates")
    options = parser.parse_args(arguments)
    folder = options.to / NAMES[0] / "autoencoder"
    known, codes = write_codes(load_label_set(NAMES[0]), folder)
    print(f"{folder / CODES}: {len(codes)} codes, {(folder / CODES).stat().st_size / 1e6:.2f} MB")
    size = np.square(codes).sum(axis=1).mean()
    off = np.square(known.codes.astype(np.float32) - codes).sum(axis=1).max()
    print(f"largest square distance from the code as encoded: {off / size:.1e} of the mean square of a code")
    for name in (name for name in NAMES if (options.to / name).is_dir()):
        surrogate = Surrogate.load(options.to / name)
        (mean, std), (rounded, _) = surrogate.predict(codes), surrogate.predict(known.codes.astype(np.float32))
        share = (np.abs(rounded - mean) / std).max(axis=0)
        moved = ", ".join(f"{anchor} {part:.4f}" for anchor, part in zip(ANCHORS, share, strict=True))
        print(f"{name}: predictions move by at most, in their standard deviations: {moved}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
