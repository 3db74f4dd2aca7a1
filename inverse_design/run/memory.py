"""Whether a study fits into the memory that it may use, said before anything is computed."""

from __future__ import annotations

from inverse_design.run.draws import POOL
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.execution.allotted import available_cores, available_memory_bytes
from simulation.execution.executors import why_no_workers

_TENSORFLOW = 10**9


def needed_bytes(study: Study) -> dict[str, tuple[int, str]]:
    """The largest things that the stages hold at once: what it is -> (bytes, the keys that decide it).

    Structures are kept as four-byte grain numbers, maps and codes as numbers of at most eight bytes; a training keeps
    about a hundred activations of each pixel of a batch. A search compares every code with every other, children
    included, byte by byte and in a few copies (18 bytes a pair of parents were measured).
    """
    part, cells = study.surrogate, study.family.cells**2
    pixels = cells // part.cells_per_pixel**2
    count = study.labels.count if part.pretrained is None else 4000
    return {
        "labelled structures": (4 * cells * count, "labels.count"),
        "a batch of training": (int(400 * pixels * part.batch * max(part.width, 1)), "surrogate.batch"),
        "the order of the unlabelled": (16 * part.unlabelled, "surrogate.unlabelled"),
        "comparisons of the population": (18 * study.search.population**2, "search.population"),
        "maps of the Pareto front": (8 * cells * study.search.population, "search.population"),
        "encoded structures": (8 * part.latent_dim * (POOL + 16 * count), "surrogate.latent_dim"),
        "simulations at once": (300 * cells * workers_of(study), "execution.workers"),
    }


def total_bytes(study: Study) -> int:
    """All that a run holds at once, at most."""
    return _TENSORFLOW + sum(size for size, _ in needed_bytes(study).values())


def check_memory(study: Study) -> None:
    """Refuse what cannot fit.

    Raises:
        InputError: with what takes most and the key that makes it smaller.
    """
    needed, total, there = needed_bytes(study), total_bytes(study), available_memory_bytes()
    if there is not None and total > there:
        what, (size, key) = max(needed.items(), key=lambda item: item[1][0])
        raise InputError(
            f"study {study.name} needs about {total / 1e9:.0f} GB of memory and may use {there / 1e9:.0f} GB here: "
            f"{what} take {size / 1e9:.1f} GB; make {key} or microstructures.size_nm smaller"
        )


def workers_of(study: Study) -> int:
    """Simulations that run at once on this machine; 0 where they run elsewhere."""
    part = study.execution
    if why_no_workers(part.engine, part.address):
        return 0  # elsewhere
    return available_cores() if part.workers == "auto" else part.workers
