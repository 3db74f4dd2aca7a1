"""Nothing that a user's file holds is executed, nothing leaves the machine, and no path leaves the run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import simulation
from inverse_design.study.reading import StudyError, parse_study

FORBIDDEN = [
    "import pickle",
    "from urllib.request import urlopen",
    "import requests",
    "import http.client",
    "import subprocess",
    "import socket",
    "eval(text)",
    "exec(text)",
    "import numpy as np; np.load(path)",
    "import pandas as pd; pd.read_pickle(path)",
    "import keras; keras.saving.load_model(path)",
    "import os; os.system(text)",
    "import tempfile; tempfile.mktemp()",
    "import time; time.time()",
    "from datetime import datetime; datetime.now()",
]


@pytest.mark.parametrize("package", ["simulation", "surrogate", "inverse_design"])
def test_the_linter_refuses_what_the_packages_must_not_do(package: str) -> None:
    """The rules stand in pyproject.toml and `ruff check` holds the packages to them; here, that they find anything."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--select",
        "S,TID251",
        "--output-format",
        "concise",
        "--no-cache",
    ]
    command += ["--stdin-filename", f"{package}/x.py", "-"]
    source = "\n".join([*FORBIDDEN, "from urllib.parse import quote"])
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, input=source, cwd=root, capture_output=True, text=True, check=False)
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith(f"{package}/x.py:")}
    assert found == set(range(1, len(FORBIDDEN) + 1)), done.stdout + done.stderr


def test_every_reader_of_yaml_is_a_safe_one() -> None:
    """What a linter cannot say: `YAML()` without arguments keeps tags, and one of another type executes them."""
    root = Path(simulation.__file__).parent.parent
    sources = [path for name in ("simulation", "surrogate", "inverse_design") for path in (root / name).rglob("*.py")]
    calls = [line for path in sources for line in path.read_text(encoding="utf-8").splitlines() if "YAML(" in line]
    assert calls
    assert all('YAML(typ="safe", pure=True)' in line for line in calls)


@pytest.mark.parametrize("name", ["..", "../up", "/etc", "a/b", "a\\b", "~", "", ".hidden", "a\n", "-x", "a\0b"])
def test_no_name_leaves_the_runs(name: str) -> None:
    """The run folder is the only path that a study has written to; candidates and stages are numbered."""
    from json import dumps

    with pytest.raises(StudyError):
        parse_study(f"name: {dumps(name)}\ngoals: {{Mr: maximize}}\n", "s.yaml")


@pytest.mark.parametrize("words", [("-1",), ("../../x",), ("100000000000000000000",), ("0.5",), ("99",)])
def test_no_candidate_leaves_its_run(tmp_path: Path, words: tuple[str, ...]) -> None:
    from typer.testing import CliRunner

    from inverse_design.cli import app

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "study.yaml").write_text("name: a\ngoals: {Mr: maximize}\n")
    done = CliRunner().invoke(app, ["export", str(tmp_path / "run"), "--", *words])
    assert done.exit_code == 2, done.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["run", "study.yaml"]


def test_a_run_opens_no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Checking a study, simulating and exporting with every socket of the internet shut."""
    import socket

    import numpy as np
    from typer.testing import CliRunner

    from inverse_design.cli import app

    class Shut(socket.socket):
        def __init__(self, family: int = -1, *rest: object, **named: object) -> None:
            if family in (-1, socket.AF_INET, socket.AF_INET6):
                raise AssertionError("a connection was opened")
            super().__init__(family, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", Shut)
    monkeypatch.chdir(tmp_path)
    simulation.voronoi(40.0, 2.0, 4, 0.5, np.random.default_rng(1)).save("s.npz")
    for words in (["init", "a.yaml"], ["check", "a.yaml"], ["simulate", "s.npz"], ["export", "s.npz"]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
