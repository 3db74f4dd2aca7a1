"""Nothing that a user's file holds is executed, nothing leaves the machine, and no path leaves the run folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import simulation
from inverse_design.study.reading import StudyError, parse_study

HOME = Path(simulation.__file__).parent.parent
PACKAGES = ("simulation", "surrogate", "inverse_design")
SOURCES = sorted(path for package in PACKAGES for path in (HOME / package).rglob("*.py"))

MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib",  # execute what they read
    "socket", "urllib", "http", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "webbrowser",  # leave the machine
    "subprocess", "pty", "ctypes",  # start what a text may name
}  # fmt: skip
HARMLESS = {"urllib.parse": "simulation/store_file.py"}
"""Quotes the path in SQLite's address of a file."""

CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "os.system", "os.popen", "tempfile.mktemp",
         "yaml.load", "yaml.unsafe_load", "pd.read_pickle", "pandas.read_pickle", "np.load", "numpy.load",
         "load_model", "keras.models.load_model", "keras.saving.load_model",
         "enable_unsafe_deserialization", "keras.config.enable_unsafe_deserialization"}  # fmt: skip
"""`simulation.arrays` reads arrays instead of `numpy.load`, which takes memory before it looks; weights are loaded into
networks that the code builds, so that no model is ever deserialised."""

KEYWORDS = {"allow_pickle": True, "shell": True, "safe_mode": False, "custom_objects": None}
TIME = {"time.time", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def name_of(node: ast.expr) -> str:
    """The dotted name of what is called; of an attribute of something else only the attribute."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}".lstrip(".")
    return ""


def forbidden(source: str, place: str) -> Iterator[str]:
    """What a source file does that it must not, with the line."""
    for node in ast.walk(ast.parse(source)):
        where = f"{place}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for module in imported:
                if module.split(".")[0] in MODULES and HARMLESS.get(module) != place:
                    yield f"{where}: import {module}"
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in CALLS | TIME or name.rpartition(".")[2] in {"load_model", "read_pickle", "to_pickle"}:
                yield f"{where}: {name}()"
            if name.rpartition(".")[2] == "YAML" and not _is_safe(node):
                yield f"{where}: YAML() that is not safe"
            for keyword in node.keywords:
                if keyword.arg in KEYWORDS and not _is_harmless(keyword):
                    yield f"{where}: {keyword.arg}={ast.unparse(keyword.value)}"


def _is_safe(call: ast.Call) -> bool:
    return any(k.arg == "typ" and isinstance(k.value, ast.Constant) and k.value.value == "safe" for k in call.keywords)


def _is_harmless(keyword: ast.keyword) -> bool:
    bad = KEYWORDS[str(keyword.arg)]
    return isinstance(keyword.value, ast.Constant) and bad is not None and keyword.value.value is not bad


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(HOME).as_posix())
def test_no_source_makes_a_forbidden_call(path: Path) -> None:
    assert not list(forbidden(path.read_text(encoding="utf-8"), path.relative_to(HOME).as_posix()))


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from urllib.request import urlopen",
        "import requests",
        "eval(text)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "read(path, allow_pickle=asked)",
        "YAML()",
        "YAML(typ='unsafe')",
        "keras.saving.load_model(path)",
        "keras.saving.load_model(path, safe_mode=False)",
        "run(command, shell=True)",
        "time.time()",
    ],
)
def test_the_search_finds_what_is_forbidden(line: str) -> None:
    assert list(forbidden(line, "x.py"))


@pytest.mark.parametrize("name", ["..", "../up", "/etc", "a/b", "a\\b", "~", "", ".hidden", "a\n", "-x", "a\0b"])
def test_no_name_leaves_the_runs(name: str) -> None:
    """The run folder is the only path that a study decides; candidates and stages are numbered."""
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
