"""What a page may write, and what it may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inverse_design.explore.saving import SUFFIXES, keep_label, save, target
from simulation import InputError, LabelStore, Microstructure
from simulation.labels.film import film
from simulation.labels.label import Job
from tests.inverse_design.explore.stand_ins import CONDITIONS, atlas

ESCAPES = ["", "..", "../up", "/etc/passwd", "a/b", "a\\b", "~", ".hidden", "a.b", "a\n", "-x", "a\0b", "a b", "ä",
           61 * "a", "con:", "%2e%2e"]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("format", SUFFIXES)
def test_no_name_leaves_the_folder(tmp_path: Path, name: str, format: str) -> None:
    folder = tmp_path / "explored"
    with pytest.raises(InputError, match="a name has letters"):
        save(atlas().structures[0], folder, name, format, CONDITIONS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["", "py", "../npz", "NPZ"])
def test_a_format_that_is_none_is_refused(tmp_path: Path, format: str) -> None:
    with pytest.raises(InputError, match="format must be one of"):
        target(tmp_path, "magnet", format)


@pytest.mark.parametrize("format", SUFFIXES)
def test_nothing_is_written_over_and_no_link_is_followed(tmp_path: Path, format: str) -> None:
    there = tmp_path / f"magnet{SUFFIXES[format]}"
    there.write_text("mine")
    (tmp_path / f"link{SUFFIXES[format]}").symlink_to(tmp_path / "elsewhere")
    for name in ("magnet", "link"):
        with pytest.raises(InputError, match="is there already"):
            save(atlas().structures[0], tmp_path, name, format, CONDITIONS)
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_each_format_is_written_into_the_folder(tmp_path: Path) -> None:
    folder, structure = tmp_path / "explored", atlas().structures[3]
    for format in SUFFIXES:
        remanent = np.zeros((*structure.shape, 3)) if format == "ovf" else None
        save(structure, folder, "magnet-1", format, CONDITIONS, remanent)
    names = {path.name for path in folder.iterdir()}
    assert names == {"magnet-1.npz", "magnet-1.ovf", "magnet-1-remanence.ovf", "magnet-1.mx3"}
    assert Microstructure.load(folder / "magnet-1.npz") == structure


def test_a_label_is_kept_in_the_store_of_a_run_once(tmp_path: Path) -> None:
    job = Job.of(atlas().structures[3], CONDITIONS)
    label = film(job).label
    assert keep_label(tmp_path, label) == f"kept in {tmp_path.name}/labels.sqlite"
    assert "already" in keep_label(tmp_path, label)
    with LabelStore(tmp_path / "labels.sqlite", read_only=True) as store:
        found = store.get(job.key)
        assert found is not None
        assert found.same_result(label)
        assert found.microstructure() == atlas().structures[3]


def test_nothing_unconverged_and_nothing_without_a_run_is_kept(tmp_path: Path) -> None:
    job = Job.of(atlas().structures[3], CONDITIONS)
    for run, label in ((None, film(job).label), (tmp_path, None), (tmp_path, job.failed("no curve", 0.0))):
        with pytest.raises(InputError):
            keep_label(run, label)
    assert not list(tmp_path.iterdir())
