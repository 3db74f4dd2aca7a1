"""A study that is wrong is refused on the command line: exit code 2 and one sentence, whatever the file holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from inverse_design.cli import app
from inverse_design.study.reading import MAX_BYTES, StudyError, parse_study
from inverse_design.study.study import Study, study_text

GOALS = "name: a\ngoals: {Mr: {target: 0.8, tolerance: 0.01}}"


def corpus() -> list[tuple[str, str]]:
    """(place, study) of `wrong_studies.txt`."""
    text = Path(__file__).with_name("wrong_studies.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    return [(head, study.replace("$GOALS", GOALS)) for head, _, study in (block.partition("\n") for block in blocks)]


CORPUS = corpus()


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 60


def refusal(*words: str) -> str:
    """The one line on standard error with which a command refuses its study by exit code 2."""
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.mark.parametrize(("place", "study"), CORPUS, ids=[f"{i:02d}" for i in range(len(CORPUS))])
def test_a_wrong_study_is_refused_with_file_line_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, study: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(study, encoding="utf-8")
    assert refusal("check", "w.yaml").startswith(f"{place} ")


@pytest.mark.parametrize(
    ("study", "given", "allowed"),
    [
        ("labels: {backend: mumax3}", "mumax3", ["planar", "fidimag"]),
        ("labels: {count: '40'}", "'40'", ["whole number"]),
        ("microstructures: {size_nm: 10000}", "5000", ["8", "1024"]),
        ("search: {population: 1000000}", "1000000", ["8192"]),
        ("surrogate: {pretrained: foo}", "foo", ["nd2fe14b", "nd2fe14b-elements", "nd2fe14b-free"]),
        ("sead: 1", "sead", ["seed", "name", "material"]),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_allowed(study: str, given: str, allowed: list[str]) -> None:
    sentence = study_or_sentence(f"{GOALS}\n{study}")
    assert isinstance(sentence, str)
    assert all(word in sentence for word in [given, *allowed])


@pytest.mark.parametrize("words", [("check",), ("run", "--runs", "runs"), ("label", "--runs", "runs")], ids=" ".join)
def test_no_command_writes_anything_for_a_wrong_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(f"{GOALS}\nlabels: {{count: many}}", encoding="utf-8")
    assert refusal(*words, "w.yaml").startswith("w.yaml:3: labels.count: ")
    assert [path.name for path in tmp_path.iterdir()] == ["w.yaml"]


BYTES = {
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not a text file in UTF-8"),
    "latin-1": ("name: Magnet für Öfen".encode("latin-1"), "not a text file in UTF-8"),
    "UTF-16": ("name: a".encode("utf-16"), "not a text file in UTF-8"),
    "a zero byte": (GOALS.encode() + b"\nseed: \0", "not valid YAML: unacceptable character #x0000"),
    "too large": (GOALS.encode() + b"\n#" + b"x" * MAX_BYTES, f"larger than {MAX_BYTES} bytes, not a study file"),
    "a number of 90,000 digits": (GOALS.encode() + b"\nseed: " + b"9" * 90_000, "a value of 90000 characters, 1000"),
    "90,000 brackets": (GOALS.encode() + b"\nseed: " + b"[" * 90_000, "nested more than 20 deep"),
    "90,000 dashes": (GOALS.encode() + b"\nseed:\n" + b"- " * 45_000, "nested more than 20 deep"),
    "a folder": (None, "not a file"),
}


@pytest.mark.parametrize("name", BYTES)
def test_what_is_no_text_is_one_sentence(tmp_path: Path, name: str) -> None:
    content, reason = BYTES[name]
    path = tmp_path / "w.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    line = refusal("check", str(path))
    assert line.startswith(str(path))
    assert reason in line


@pytest.mark.parametrize(
    "words", [("check",), ("simulate",), ("merge", "--store", "all.sqlite"), ("evaluate",), ("status",)], ids=" ".join
)
def test_a_pipe_that_never_ends_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    command = [sys.executable, "-m", "inverse_design", *words, "pipe.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- any study


KEYS = st.sampled_from([*Study.model_fields, "Mr", "Hc", "target", "tolerance", "between", "count", "grains", "x"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4), st.dates(),
    st.sampled_from(["maximize", "nd2fe14b", "1.2 T", "0.3 MA/m", "Nd2Fe14B", "auto", "local", "dask"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def study_or_sentence(text: str, overrides: Sequence[str] = ()) -> Study | str:
    """What a text says, or why it is refused; anything else that is raised is a failure."""
    try:
        return parse_study(text, "w.yaml", overrides)
    except StudyError as error:
        return str(error)


def assert_refused_or_valid(text: str) -> None:
    found = study_or_sentence(text)
    if isinstance(found, str):
        assert found.startswith("w.yaml")
        assert found.isprintable()
    else:
        assert parse_study(study_text(found), "again.yaml") == found


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_values_are_refused_in_one_sentence_or_make_a_study(data: dict[str, object]) -> None:
    from io import StringIO

    from ruamel.yaml import YAML

    text = StringIO()
    YAML(typ="safe", pure=True).dump({"name": "a", "goals": {"Mr": "maximize"}} | data, text)
    assert_refused_or_valid(text.getvalue())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120))
@example("seed: 0x" + "f" * 900)
@example("name: a\ngoals: {Mr: {target: 1e999, tolerance: 0.1}}")
def test_any_text_is_refused_in_one_sentence(text: str) -> None:
    assert_refused_or_valid(text)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(":{}[]&*!|>%@`\"'#,-?\n\t \0~0é")))
def test_one_wrong_character_in_a_study_is_refused_or_harmless(place: int, character: str) -> None:
    text = f"{GOALS}\nsearch: {{population: 16}}\nmaterial: Nd2Fe14B\nlabels:\n  count: 40 # forty\n  test: 4\n"
    place %= len(text)
    assert_refused_or_valid(text[:place] + character + text[place + 1 :])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
@example("seed", "*a")
@example("seed", "[" * 25)
@example("name", "../up")
def test_any_override_is_refused_in_one_sentence_or_valid(key: str, value: str) -> None:
    found = study_or_sentence(GOALS, [f"{key}={value}"])
    assert not isinstance(found, str) or found.isprintable()
