"""How fast a shipped surrogate answers, beside the network of the paper.

    python -m studies.benchmarks.surrogate [NAME]

Rows a second of wall time and of CPU time (all threads together, which other programs disturb less), medians over
rounds in which all calls take turns: anchors predicted from codes in batches of 4,096, by one member and by the whole
ensemble; 160 x 160 structures encoded, and codes decoded to axes on 160 x 160 cells, in batches of 256; the networks of
these alone; and the plain `model.predict` of the paper's Table 1 (untrained: its speed does not depend on that), from
images and to images. Then memory over 10,000 calls. Exits with 1 if a goal is missed; on a busy machine the rate of
predictions is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from simulation import Purpose, StructureFamily
from studies.script import command

ROUNDS, ROUND_S = 9, 0.5
PREDICTIONS_PER_S, TIMES_THE_PAPER, GROWTH_MIB = 50_000, 2.0, 16.0
"""Goals: of one member, in a batch of 4,096; of encoding and decoding; of memory over 10,000 calls."""


@dataclass(frozen=True)
class Rates:
    """Rows a second of wall time and of CPU time, one of each a round."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def __str__(self) -> str:
        return f"{statistics.median(self.wall):,.0f}/s, {statistics.median(self.cpu):,.0f} per CPU second"

    def times(self, other: Rates) -> tuple[float, float]:
        """How many times as fast as another, by wall and by CPU time: medians of the ratios within a round."""
        wall, cpu = (
            statistics.median(a / b for a, b in zip(*pair, strict=True))
            for pair in ((self.wall, other.wall), (self.cpu, other.cpu))
        )
        return wall, cpu


def rates(calls: Mapping[str, tuple[Callable[[], object], int]]) -> dict[str, Rates]:
    """Of calls that each take so many rows, in turns of about `ROUND_S`."""
    counts = {}
    for name, (call, _) in calls.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, round(ROUND_S / (time.perf_counter() - start)))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, (call, rows) in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(counts[name]):
                call()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            found[name].append((rows * counts[name] / wall, rows * counts[name] / cpu))
    return {name: Rates(*zip(*values, strict=True)) for name, values in found.items()}


def growth_mib(call: Callable[[], object], calls: int = 10_000) -> float:
    """Resident memory gained over many calls, MiB."""
    import psutil

    process = psutil.Process()
    for _ in range(200):
        call()
    before = process.memory_info().rss
    for _ in range(calls):
        call()
    return (process.memory_info().rss - before) / 2**20


@command
def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.benchmarks.surrogate", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("name", nargs="?", default="nd2fe14b", help="of a shipped surrogate, or a run folder")
    missed = measure(parser.parse_args(arguments).name)
    print("\n".join(f"goal missed: {goal}" for goal in missed) or "all goals met")
    return 1 if missed else 0


def measure(name: str) -> list[str]:
    """Print a line a figure; the goals that are missed."""
    from surrogate import Surrogate, VAEArchitecture
    from surrogate.regressor import Regressor, RegressorNetwork
    from surrogate.vae import build_decoder, build_encoder

    surrogate = Surrogate.load(name)
    regressor, autoencoder = surrogate.regressor, surrogate.autoencoder
    architecture = replace(regressor.architecture, members=1)
    single = Regressor(RegressorNetwork(architecture, regressor.scaling), architecture, regressor.scaling)
    codes = np.random.default_rng(0).standard_normal((4096, surrogate.latent_dim), np.float32)
    structures = list(StructureFamily().stream(0, Purpose.BENCHMARK, 0, 256))
    images, theirs = autoencoder.encoding.images(structures), np.zeros((256, 160, 160, 1), np.float32)
    paper = VAEArchitecture()
    encoder, decoder = build_encoder(paper), build_decoder(paper)
    paper_codes = np.zeros((256, paper.latent_dim), np.float32)
    ensemble = f"predict, ensemble of {regressor.architecture.members}"
    found = rates(
        {
            "predict, one member": (lambda: single.members(codes), 4096),
            ensemble: (lambda: surrogate.predict(codes), 4096),
            "encode": (lambda: surrogate.encode(structures), 256),
            "encode, the network alone": (lambda: autoencoder.encode_images(images), 256),
            "encode, the paper's network": (lambda: encoder.predict(theirs, batch_size=256, verbose=0), 256),
            "decode": (lambda: surrogate.decode(codes[:256]), 256),
            "decode, the network alone": (lambda: autoencoder.decode_images(codes[:256]), 256),
            "decode, the paper's network": (lambda: decoder.predict(paper_codes, batch_size=256, verbose=0), 256),
        }
    )
    for title, values in found.items():
        print(f"{title}: {values}")
    missed = []
    if statistics.median(found["predict, one member"].wall) < PREDICTIONS_PER_S:
        missed.append(f"{PREDICTIONS_PER_S:,} predictions/s by one member")
    cost = found["predict, one member"].times(found[ensemble])
    print(f"the ensemble costs {cost[0]:.1f} times as much as one member, by CPU time {cost[1]:.1f}")
    for verb in ("encode", "decode"):
        wall, cpu = found[verb].times(found[f"{verb}, the paper's network"])
        print(f"{verb}: {wall:.1f} times as fast as the paper's network, by CPU time {cpu:.1f}")
        if wall < TIMES_THE_PAPER:
            missed.append(f"{verb} {TIMES_THE_PAPER:g} times as fast as the paper's network")
    growth = growth_mib(lambda: surrogate.predict(codes[:8]))
    print(f"memory over 10,000 predictions: {growth:+.1f} MiB")
    if growth > GROWTH_MIB:
        missed.append("no growth of memory")
    return missed


if __name__ == "__main__":
    sys.exit(main())
