"""A job of two of 128 cores and 8 of 512 GB uses what it was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulation.execution import allotted
from simulation.execution.allotted import available_cores, available_memory_bytes

NODE = 512 * 2**30


@pytest.fixture(autouse=True)
def node(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large machine."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(128)), raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": NODE // 4096}.__getitem__)


def system(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": cgroup, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V1 = "5:memory:/slurm/job7\n3:cpu,cpuacct:/slurm/job7\n1:name=systemd:/\n"


@pytest.mark.parametrize(
    ("cgroup", "files", "cores", "memory"),
    [
        ("0::/\n", {}, 128, NODE),
        ("0::/job7/step\n", {"job7/cpu.max": "200000 100000", "job7/memory.max": "8589934592"}, 2, 2**33),
        ("0::/job7/step\n", {"job7/step/cpu.max": "max 100000", "job7/step/memory.max": "max"}, 128, NODE),
        ("0::/\n", {"cpu.max": "50000 100000", "memory.max": "1073741824"}, 1, 2**30),
        ("0::/far/away\n", {"cpu.max": "250000 100000", "memory.max": "1073741824"}, 2, 2**30),
        ("0::/j\n", {"j/memory.max": "4294967296", "memory.max": "1073741824"}, 128, 2**30),
        (
            V1,
            {
                "cpu,cpuacct/slurm/job7/cpu.cfs_quota_us": "300000",
                "cpu,cpuacct/slurm/job7/cpu.cfs_period_us": "100000",
                "memory/slurm/job7/memory.limit_in_bytes": "8589934592",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            3,
            2**33,
        ),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 128, NODE),
        (V1, {"memory/memory.limit_in_bytes": "9223372036854771712"}, 128, NODE),
        ("rubbish\n", {"cpu.max": "1 1"}, 128, NODE),
    ],
)
def test_control_groups_of_both_versions_are_heard(tmp_path: Path, cgroup, files, cores, memory) -> None:
    root = system(tmp_path, cgroup, files)
    assert available_cores(root) == cores
    assert available_memory_bytes(root) == memory


def test_affinity_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As taskset and most schedulers say it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert available_cores(tmp_path) == 2
    assert available_cores(system(tmp_path, "0::/\n", {"cpu.max": "400000 100000"})) == 2


def test_a_system_that_says_nothing_sets_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(allotted.os, "sysconf", unknown)
    assert available_memory_bytes(tmp_path) is None
