"""How fast a shipped surrogate answers, beside the network of the paper.

    python -m studies.benchmarks.surrogate [NAME]

Rows a second, median of five rounds in one process: anchors predicted from codes in batches of 4,096, by the whole
ensemble and by one of its members; images of 160 x 160 structures encoded, and codes decoded, in batches of 256, by
the surrogate and by the plain `model.predict` of the paper's Table 1 (untrained: its speed does not depend on that).
Then memory over 10,000 calls. Nothing else should run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from simulation import InputError, Purpose, StructureFamily

ROUNDS, ROUND_S = 5, 1.0


def rate(call: Callable[[], object], rows: int) -> float:
    """Rows a second: median over rounds of about `ROUND_S` seconds."""
    call()
    start = time.perf_counter()
    call()
    count = max(1, round(ROUND_S / (time.perf_counter() - start)))
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            call()
        rates.append(rows * count / (time.perf_counter() - start))
    return statistics.median(rates)


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


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m studies.benchmarks.surrogate", description=__doc__)
    parser.add_argument("name", nargs="?", default="nd2fe14b", help="of a shipped surrogate, or a run folder")
    try:
        measure(parser.parse_args(arguments).name)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def measure(name: str) -> None:
    """Print a line a figure."""
    from surrogate import Surrogate, VAEArchitecture
    from surrogate.regressor import Regressor, RegressorNetwork
    from surrogate.vae import build_decoder, build_encoder

    surrogate = Surrogate.load(name)
    regressor, autoencoder = surrogate.regressor, surrogate.autoencoder
    architecture = replace(regressor.architecture, members=1)
    single = Regressor(RegressorNetwork(architecture, regressor.scaling), architecture, regressor.scaling)
    codes = np.random.default_rng(0).standard_normal((4096, surrogate.latent_dim), np.float32)
    print(f"predict, one member: {rate(lambda: single.members(codes), 4096):,.0f} codes/s")
    members = regressor.architecture.members
    print(f"predict, ensemble of {members}: {rate(lambda: regressor.members(codes), 4096):,.0f} codes/s")

    structures = list(StructureFamily().stream(0, Purpose.BENCHMARK, 0, 256))
    ours, theirs = autoencoder.encoding.images(structures), np.zeros((256, 160, 160, 1), np.float32)
    paper = VAEArchitecture()
    encoder, decoder = build_encoder(paper), build_decoder(paper)
    paper_codes = np.zeros((256, paper.latent_dim), np.float32)
    pairs = {
        "encode": (lambda: autoencoder.encode_images(ours), lambda: encoder.predict(theirs, batch_size=256, verbose=0)),
        "decode": (
            lambda: autoencoder.decode_images(codes[:256]),
            lambda: decoder.predict(paper_codes, batch_size=256, verbose=0),
        ),
    }
    for verb, (of_ours, of_paper) in pairs.items():
        a, b = rate(of_ours, 256), rate(of_paper, 256)
        print(f"{verb}: {a:,.0f} images/s, the paper's network {b:,.0f}: {a / b:.1f} times")
    with_images = rate(lambda: autoencoder.encode(structures), 256)
    print(f"encode, images made from the structures too: {with_images:,.0f} structures/s")
    print(f"memory over 10,000 predictions: {growth_mib(lambda: surrogate.predict(codes[:8])):+.1f} MiB")


if __name__ == "__main__":
    sys.exit(main())
