"""How many grain structures are drawn a second, alone and as images that feed a training.

    python -m studies.benchmarks.structures [--count N]

Structures of the paper's family (160 x 160 cells, 16 to 256 grains), drawn from their seeds as a training draws them,
by one process and by two at once. Rates are per second of process CPU time, which other programs disturb least; those
of two processes are added. Ends with exit code 1 if two processes give fewer than 1,000 a second.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import numpy as np

from simulation import Purpose, StructureFamily, engine
from surrogate import Encoding, FamilyImages

GOAL_PER_S = 1000
BATCH = 64
FAMILY = StructureFamily()
ENCODINGS = {
    "structures alone": None,
    "images, double angle": Encoding("double_angle"),
    "images, kx": Encoding("kx"),
    "images, double angle, 2 x 2 cells a pixel": Encoding("double_angle", cells_per_pixel=2),
}


def rate_per_s(name: str, count: int) -> float:
    """Structures, or images of them by the batch, a second of CPU time of this process; the first few do not count."""
    encoding = ENCODINGS[name]
    images = FamilyImages(FAMILY, encoding, count + BATCH) if encoding else None

    def draw(start: int) -> None:
        if images:
            images.take(0, np.arange(start, start + BATCH))
        else:
            for _ in FAMILY.stream(0, Purpose.UNLABELLED, start, start + BATCH):
                pass

    draw(0)
    began = time.process_time()
    for start in range(BATCH, count + BATCH, BATCH):
        draw(start)
    return count / (time.process_time() - began)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="structures for each figure, about (default 1000)")
    count = math.ceil(parser.parse_args(arguments).count / BATCH) * BATCH
    slowest = float("inf")
    with engine("local", 2) as two:
        submit = two.executor().submit
        for name in ENCODINGS:
            one = submit(rate_per_s, name, count).result()
            both = sum(future.result() for future in [submit(rate_per_s, name, count) for _ in range(2)])
            slowest = min(slowest, both)
            print(f"{name:<44} one process {one:5.0f}/s, two {both:5.0f}/s")
    print(f"goal: at least {GOAL_PER_S}/s by two processes, {'met' if slowest >= GOAL_PER_S else 'missed'}")
    return 0 if slowest >= GOAL_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
