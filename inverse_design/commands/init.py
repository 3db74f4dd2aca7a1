"""A study to start from: the commented template, one for a shipped surrogate, or a copy of one that is shipped."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from inverse_design.study.reading import StudyError, parse_study
from inverse_design.study.shipped import fixed_sections
from simulation.files import write_text

EXAMPLES = ("alignment", "fept", "measured", "nd2fe14b", "paper", "quickstart")
SUFFIXES = (".yaml", ".yml")


def write_study(path: Path, surrogate: str | None = None, example: str | None = None) -> None:
    """Write a study file, valid as it is.

    Args:
        path: must not exist, and have a suffix of YAML.
        surrogate: a shipped one that the study starts from.
        example: one of `EXAMPLES`, copied instead.

    Raises:
        InputError: if the file cannot be that, or there is no such surrogate or example.
    """
    if path.exists():
        raise StudyError(f"{path}: exists already; choose another name")
    if path.suffix.lower() not in SUFFIXES:
        raise StudyError(f"{path}: a study is a YAML file; name it .yaml or .yml, such as {path.stem or 'study'}.yaml")
    if surrogate is not None and example is not None:
        raise StudyError("--surrogate and --example: give one or the other")
    if example is not None and example not in EXAMPLES:
        raise StudyError(f"--example must be one of {', '.join(EXAMPLES)}, got {example!r}")
    name = example or "template"
    text = (files("studies") / f"{name}.yaml").read_text(encoding="utf-8")
    if surrogate is not None:
        text = _of_surrogate(surrogate)
    parse_study(text, str(path))
    try:
        write_text(path, text)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror})") from None


def _of_surrogate(name: str) -> str:
    """The study of a shipped surrogate: what it knows as a comment, and goals to change."""
    fixed = fixed_sections(name)
    family, labels, material = fixed["microstructures"], fixed["labels"], fixed["material"]
    constants = ", ".join(f"{key}: {value:g}" for key, value in material.items())
    (low, high), by = family["grains"], labels["discretization"]
    size = f"{family['size_nm']:g} nm on cells of {family['cell_nm']:g} nm"
    return f"""\
# A study that starts from the shipped surrogate {name}: no labels to make, nothing to train.
#
# It knows squares of {size} with {low} to {high} grains, simulated by {by}, of a magnet
# with {constants}. These are given with it; change the goals.
#
#     python -m inverse_design check THIS_FILE
#     python -m inverse_design run THIS_FILE

name: my-magnet               # the run goes to runs/my-magnet
seed: 1                       # the same study and seed give the same run on one machine
surrogate: {{pretrained: {name}}}

goals:                        # reduced units (Ms, H_A), or a number with a unit: 1.2 T, 21 kOe, 12 kG, 40 MGOe, 80 %
  Mr: {{target: 0.80, tolerance: 0.01}}
  Hc: {{target: 0.33, tolerance: 0.01}}
  # also M1, Hk90, Hk80, Hk70, squareness, BHmax, grain_size_nm, axis_spread_deg, low_angle_share;
  # also maximize, minimize, {{at_least: 0.2}}, {{at_most: 0.3}}, {{between: [0.2, 0.3]}}

# start: [mine.npz, {{file: map.ctf, cell_nm: 2}}]   # structures of your own that the search starts from
verification: {{candidates: 8, rounds: 3, max_simulations: 96, hits: 1}}   # whichever comes first
"""
