"""`explore` on the command line: what is wrong is said in a sentence, before anything is loaded or written."""

from __future__ import annotations

import gc
import importlib.util
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import surrogate
from inverse_design.cli import app
from inverse_design.explore import atlas as atlases
from inverse_design.explore import server
from tests.inverse_design.explore.stand_ins import atlas


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["explore", *words])
    assert done.exit_code == 2, done.output
    return done.stderr


def test_what_is_wrong_is_said_before_anything_is_loaded_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(vars(surrogate), "Surrogate", None)
    assert "no surrogate 'nowhere'" in said("nowhere")
    (tmp_path / "file").write_text("")
    assert "file" in said("nd2fe14b-elements", "-o", "file/inside")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "bokeh" else find_spec(name, *more)
    )
    assert "pip install 'inverse-design[explore]'" in said("nd2fe14b-elements")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Tornado leaves that socket unclosed
def test_a_port_that_is_taken_is_told_and_ctrl_c_ends_it_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(atlases, "load_atlas", lambda name: atlas())
    make, ports, told = server.Explorer.__init__, list[int](), list[str]()

    def made(self: server.Explorer, *args: Any) -> None:
        make(self, *args)
        ports.append(self.port)
        self.loop.add_callback(interrupt)

    def interrupt() -> None:
        try:  # what is raised in a callback is told and forgotten: the signal has to come all the same
            told.append(said("nd2fe14b-elements", "--port", str(ports[0])))
            gc.collect()
        finally:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(server.Explorer, "__init__", made)
    done = CliRunner().invoke(app, ["explore", "nd2fe14b-elements"])
    assert done.exit_code == 0, done.output
    assert f"--port {ports[0]}: cannot be opened (another program listens there)" in told[0]
    assert done.stdout.startswith(f"open http://127.0.0.1:{ports[0]}/")
    assert done.stdout.endswith("closed\n")
    assert not list(tmp_path.iterdir()), "a folder is made when something is saved"
