"""What this process may use of its machine: cores and memory, by affinity and control group, not by the node.

A job of a scheduler or a container is confined by the control group that it runs in and by those above it (cgroups(7));
version 1 keeps a tree for each controller, version 2 one for all.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_NO_LIMIT = 2**60
"""Version 1 writes a number near 2**63 where there is none."""


def available_cores(root: str | Path = "/") -> int:
    """Cores that this process may use.

    Args:
        root: where the file system begins; for tests.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _groups(Path(root), "cpu"):
        quota, period = _numbers(folder / "cpu.max") or (
            *(_numbers(folder / "cpu.cfs_quota_us") or (-1,)),
            *(_numbers(folder / "cpu.cfs_period_us") or (1,)),
        )
        if quota > 0 and period > 0:
            cores = min(cores, max(quota // period, 1))
    return cores


def available_memory_bytes(root: str | Path = "/") -> int | None:
    """Memory that this process may use, None where the system does not say."""
    limits = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder in _groups(Path(root), "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += [limit for limit in _numbers(folder / name) or () if 0 < limit < _NO_LIMIT]
    return min(limits, default=None)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process' control group and of those above it.

    In a container the path may be that outside, of which nothing is mounted; the mount itself is its group then.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mount = root / "sys/fs/cgroup"
    for number, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers == "" and number == "0":
            places = [mount, mount / "unified"]
        elif controller in controllers.split(","):
            places = [mount / controller, mount / controllers]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for place in places:
            for depth in range(len(parts), -1, -1):
                yield place.joinpath(*parts[:depth])


def _numbers(file: Path) -> tuple[int, ...] | None:
    """The whole numbers of a file of one line; None where there is no such file or it says "max"."""
    try:
        return tuple(int(word) for word in file.read_text().split())
    except (OSError, ValueError):
        return None
