"""The README's example as it stands: as a script and in a notebook."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inverse_design import StudyError, design
from simulation import FieldSweep, Microstructure, demagnetization_curve

README = Path(__file__).resolve().parents[2] / "README.md"


def example() -> str:
    found = re.search(r"<!-- library example -->\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example has run as a script, without a guard against being imported by its own workers."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "example.py").write_text(example(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=folder, capture_output=True, text=True, timeout=550, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Hc_verified" in done.stdout
    return folder


def test_the_example_has_ten_lines() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 10


def test_the_example_as_a_script_leaves_a_verified_candidate(folder: Path) -> None:
    table = pd.read_csv(folder / "runs" / "my-magnet" / "verified.csv")
    assert table["candidate"].nunique() == 2  # a hit has rows of its confirmations, too
    best = Microstructure.load(folder / "best.npz")
    curve = demagnetization_curve(best, sweep=FieldSweep(until="coercivity"), spins="free")
    assert np.abs(table["Hc_verified"] - curve.anchors.Hc).min() < 1e-9, "the saved structure is one of those"


def test_the_example_runs_in_a_notebook(folder: Path) -> None:
    """In a real kernel, which has a running event loop and no main module on disk; it finds what the script made."""
    nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    # Another seed of the search: the workers are needed again.
    changed = example().replace('"name": "my-magnet",', '"name": "my-magnet", "seed": 2, "search": {"generations": 5},')
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(changed)])
    nbclient.NotebookClient(notebook, timeout=550, resources={"metadata": {"path": str(folder)}}).execute()
    said = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert "simulations, round 0: 2 of 2" in said, "progress is shown"
    assert "Hc_verified" in said
    assert "WARNING" not in said


def test_a_wrong_mapping_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"study:1: goals\.Hx: nothing of the name 'Hx' can be asked for"):
        design({"name": "x", "goals": {"Hx": "maximize"}}, tmp_path)
    with pytest.raises(StudyError, match="only plain values"):
        design({"name": "x", "goals": {"Hc": np.float32}}, tmp_path)
