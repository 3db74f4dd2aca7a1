"""Reading a study file: YAML with line numbers, and one sentence for what is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode

from inverse_design.console import printable
from inverse_design.study.beside import find_beside
from inverse_design.study.measured_curve import CurveSection
from inverse_design.study.sections import MaterialSection, Section
from inverse_design.study.start import at_home
from inverse_design.study.study import Study
from inverse_design.study.wishes import GoalSection
from simulation.errors import InputError
from simulation.material import MATERIALS, Material, why_no_material
from simulation.material_table import RECORDS

MAX_BYTES = 100_000
"""A study with every key commented takes a tenth of that; YAML is read at some 50 kB a second."""

MAX_DEPTH = 20
MAX_SCALAR = 1000
MAX_SENTENCE = 500


class StudyError(InputError):
    """A study that cannot be run, with file, line and key; one line of printable text, whatever the file holds."""

    def __init__(self, sentence: str) -> None:
        shown = printable(sentence)
        super().__init__(shown if len(shown) <= MAX_SENTENCE else shown[:MAX_SENTENCE] + "...")


def load_study(path: str | Path, overrides: Sequence[str] = ()) -> Study:
    """Read and validate a study file.

    Args:
        path: the YAML file.
        overrides: texts "key.path=value", the value in YAML, that replace or add keys.

    Raises:
        StudyError: with one sentence: file, line, key, what was given and what is allowed.
    """
    return parse_study(_text_of(Path(path)), str(path), overrides, Path(path).parent)


class _MaterialFile(Section):
    material: MaterialSection


def load_material(name_or_file: str) -> Material:
    """A material by its name, or of a YAML file: its constants alone, or a study that has them.

    Raises:
        InputError: with one sentence, if it is neither.
    """
    if name_or_file in MATERIALS:
        return MATERIALS[name_or_file]
    path, names = Path(name_or_file), ", ".join(MATERIALS)
    if not path.exists():
        if name_or_file in RECORDS:
            raise StudyError(f"--material: {why_no_material(name_or_file)}, in a YAML file")
        raise StudyError(f"{name_or_file}: no material of this name ({names}) and no file with one")
    data, lines = _read(_text_of(path), str(path))
    given = data.get("material", "Nd2Fe14B" if "goals" in data else data)  # a study need not say
    if isinstance(given, str):
        if given not in MATERIALS:
            raise StudyError(f"{path}: material: {why_no_material(given)}")
        return MATERIALS[given]
    if given is data:
        lines = {f"material.{key}": place for key, place in lines.items()}
    try:
        found = _MaterialFile.model_validate({"material": given}).material
    except ValidationError as error:
        raise StudyError(_sentence(error, lines, str(path))) from None
    return found.magnet()


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device need not end
            raise StudyError(f"{path}: not a file")
        if path.stat().st_size > MAX_BYTES:
            raise StudyError(f"{path}: larger than {MAX_BYTES} bytes, not a study file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not a text file in UTF-8") from None


def parse_study(text: str, source: str, overrides: Sequence[str] = (), folder: Path | None = None) -> Study:
    """As `load_study`, from text; `source` names it in errors, and files that it names lie in `folder`."""
    data, lines = _read(text, source)
    for override in overrides:
        _override(data, lines, override)
    find_beside(data, Path(source).parent)
    at_home(data, folder or Path())
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise StudyError(_sentence(error, lines, source)) from None
    except RecursionError:
        raise StudyError(f"{source}: nested too deeply") from None


def _read(text: str, source: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The plain data and, by dotted key, where it stands (":7")."""
    try:
        _check_events(text, source)
        node = YAML(typ="safe", pure=True).compose(text)
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        problem = " ".join((error.problem or "not valid YAML").split())
        raise StudyError(f"{place}: not valid YAML: {problem}") from None
    except StudyError:
        raise
    except Exception as error:  # ruamel raises a dozen kinds at a tag that does not fit its value
        raise StudyError(f"{source}: not valid YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(data, dict):
        what = "nothing" if data is None else _short(data)
        raise StudyError(f"{source}:1: a study is a mapping of keys, got {what}")
    lines: dict[str, str] = {}
    _index(node, "", lines)
    return data, lines


def _check_events(text: str, source: str) -> None:
    """Refuse what could blow up when it is built, before it is: a few aliases of aliases make gigabytes."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        place = f"{source}:{event.start_mark.line + 1}"
        if isinstance(event, AliasEvent):
            raise StudyError(f"{place}: aliases such as *{event.anchor} are not allowed in a study; write it out")
        if isinstance(event, ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise StudyError(f"{place}: a value of {len(event.value)} characters, {MAX_SCALAR} at most are allowed")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise StudyError(f"{place}: nested more than {MAX_DEPTH} deep, not a study")


def _index(node: Any, prefix: str, lines: dict[str, str]) -> None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            lines[path] = f":{key.start_mark.line + 1}"
            _index(value, f"{path}.", lines)


def _override(data: dict[str, Any], lines: dict[str, str], override: str) -> None:
    path, separator, value = override.partition("=")
    keys = path.strip().split(".")
    if not separator or not all(keys):
        raise StudyError(f"--set {override}: must be key.path=value, for example --set seed=2")
    try:
        _check_events(value, "--set")
        parsed = YAML(typ="safe", pure=True).load(value)
    except Exception:  # as in `_read`
        raise StudyError(f"--set {override}: the value is not valid YAML") from None
    node: Any = data
    for key in keys[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise StudyError(f"--set {override}: {key} is not a section")
    node[keys[-1]] = parsed
    lines[".".join(keys)] = " (--set)"


def _sentence(error: ValidationError, lines: dict[str, str], source: str) -> str:
    details = error.errors(include_url=False)
    first = min(details, key=lambda detail: _rank(detail, lines))
    path = _path(first)
    paths = {_path(detail) for detail in details}
    others = sum(not (path.startswith(other) or other.startswith(path)) for other in paths)
    more = f" (and {others} more)" if others else ""
    return f"{source}{_line(path, lines)}: {path or 'study'}: {_explain(first, path)}{more}"


def _rank(detail: ErrorDetails, lines: dict[str, str]) -> tuple[int, int]:
    """Topmost line first; of a union's branches the one that went deepest, the one the user meant."""
    line = _line(_path(detail), lines).lstrip(":")
    return (int(line) if line.isdigit() else 10**9, -len(detail["loc"]))


def _path(detail: ErrorDetails) -> str:
    if "path" in detail.get("ctx", {}):
        return str(detail["ctx"]["path"])
    # A union's branch ("GoalSection", "literal[...]") is part of pydantic's location and no key of the file.
    return ".".join(str(part) for part in detail["loc"] if not _is_branch(str(part)))


_BRANCH = re.compile(
    r"\[key\]|GoalSection|MaterialSection|str|int|float|(literal|tuple|constrained|function|lax|nullable)[-\[].*"
)


def _is_branch(part: str) -> bool:
    return _BRANCH.fullmatch(part) is not None


def _line(path: str, lines: dict[str, str]) -> str:
    """The line of the key or of the nearest section above it that the file has."""
    while path:
        if path in lines:
            return lines[path]
        path = path.rpartition(".")[0]
    return ":1"


def _explain(detail: ErrorDetails, path: str) -> str:
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    got = f"got {_short(given)}"
    if kind == "study":
        return str(context["sentence"])
    if kind == "reversed":
        return detail["msg"]
    if path == "execution.workers":
        return f"must be a whole number of at least 1, or auto, {got}"
    if path.startswith("goals.") and not path.startswith("goals.curve"):
        if path.count(".") == 1 and kind in ("literal_error", "model_type", "model_attributes_type"):
            return f"must be maximize, minimize or a mapping of {', '.join(_keys_of(path))}, {got}"
        if kind in ("float_type", "string_type"):
            return f"must be a number (reduced units) or a number with a unit, {got}"
        if kind in ("too_long", "too_short", "tuple_type"):
            return f"must be a pair [low, high], {got}"
    if kind == "too_short" and isinstance(given, dict):
        return f"needs at least one entry, {got}"
    if kind == "extra_forbidden":
        allowed = _keys_of(path.rpartition(".")[0])
        near = difflib.get_close_matches(path.rpartition(".")[2], allowed, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"unknown key; {hint}allowed here: {', '.join(allowed)}"
    sentences = {
        "invalid_key": f"a key must be a text, {got}",
        "string_too_long": f"must have at most {context.get('max_length')} letters, {got}",
        "missing": "this key is required",
        "int_type": f"must be a whole number, {got}",
        "int_from_float": f"must be a whole number, {got}",
        "float_type": f"must be a number, {got}",
        "finite_number": f"must be a finite number, {got}",
        "bool_type": f"must be true or false, {got}",
        "string_type": f"must be a text, {got}",
        "string_pattern_mismatch": f"must be letters, digits, '.', '_' or '-' and start with a letter or digit, {got}",
        "model_type": f"must be a mapping of keys, {got}",
        "dict_type": f"must be a mapping of keys, {got}",
        "tuple_type": f"must be a pair [low, high], {got}",
        "too_long": f"must be a pair [low, high], {got}",
        "too_short": f"must be a pair [low, high], {got}",
    }
    if kind in sentences:
        return sentences[kind]
    bounds = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least"),
              "less_than": ("lt", "below"), "less_than_equal": ("le", "at most")}  # fmt: skip
    if kind in bounds:
        name, word = bounds[kind]
        return f"must be {word} {context[name]:g}, {got}"
    if kind == "literal_error":
        return f"must be {context['expected']}, {got}"
    return f"{detail['msg']}, {got}"


def _keys_of(path: str) -> list[str]:
    """The keys that a section may have."""
    model: type[BaseModel] | None = Study
    for key in filter(None, path.split(".")):
        if path.startswith("goals."):
            return list((CurveSection if path.startswith("goals.curve") else GoalSection).model_fields)
        field = model.model_fields.get(key) if model else None
        default = field.default if field else None
        model = type(default) if isinstance(default, BaseModel) else None
    if model is None and path == "material":
        model = MaterialSection
    return [name for name, field in model.model_fields.items() if field.alias is None] if model else []


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."
