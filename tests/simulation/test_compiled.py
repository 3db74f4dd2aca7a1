"""Compiled functions work without a place for their machine code, and with one that is full or damaged."""

from __future__ import annotations

import errno
import importlib.util
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import pytest
from numba.core import caching

from simulation.compiled import _stamps

SOURCE = """
from simulation.compiled import compiled

@compiled()
def triple(x):
    return 3 * x

@compiled()
def spin(n):
    x = 0
    for i in range(n):
        x = x * 5 % 7 + i
    return x
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module with two compiled functions, its cache beside it, as a new process would."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    (tmp_path / "kernels.py").write_text(SOURCE)

    def imported() -> ModuleType:
        specification = importlib.util.spec_from_file_location("kernels", tmp_path / "kernels.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(sys.modules, "kernels", module)
        specification.loader.exec_module(module)
        return module

    return imported


def cached(folder: Path) -> list[Path]:
    return sorted(path for end in ("nbi", "nbc") for path in folder.glob(f"__pycache__/*.{end}"))


def test_machine_code_is_kept(load: Any, tmp_path: Path) -> None:
    assert load().triple(2) == 6
    assert len(cached(tmp_path)) == 2
    again = load().triple
    assert again(2) == 6
    assert sum(again.stats.cache_hits.values()) == 1


def test_machine_code_of_other_sources_is_not_used(load: Any, tmp_path: Path) -> None:
    """Another file, from which a function may have been inlined, has changed."""
    assert load().triple(2) == 6
    for text, hits in (("FACTOR = 3", 1), ("@njit", 0), ("@njit", 1)):
        (tmp_path / "inlined.py").write_text(f"# {text}\n")
        _stamps.cache_clear()  # as in a new process
        triple = load().triple
        assert triple(2) == 6
        assert sum(triple.stats.cache_hits.values()) == hits, text


def test_no_place_for_the_cache_is_no_reason_to_fail(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only installation, and no home that can be written."""

    def nowhere(*_: Any) -> Any:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(caching.CompileResultCacheImpl, "__init__", nowhere)
    assert load().triple(2) == 6


def test_a_full_disk_under_the_cache_is_none_either(load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert load().triple(2) == 6


@pytest.mark.parametrize("end", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"\x89PNG\r\n"])
def test_a_cut_off_cache_is_made_anew(load: Any, tmp_path: Path, end: str, content: bytes) -> None:
    assert load().triple(2) == 6
    for path in cached(tmp_path):
        if path.suffix == f".{end}":
            path.write_bytes(content)
    assert load().triple(2) == 6
    mended = load().triple
    assert mended(2) == 6
    assert sum(mended.stats.cache_hits.values()) == 1


def test_other_threads_run_meanwhile(load: Any) -> None:
    spin = load().spin
    spin(1)
    began = time.perf_counter()
    spin(2 * 10**7)
    steps = int(2 * 10**7 * 1.0 / (time.perf_counter() - began))  # about a second
    thread = threading.Thread(target=spin, args=(steps,))
    thread.start()
    ticks = 0
    while thread.is_alive():
        time.sleep(0.01)
        ticks += 1
    assert ticks > 5
