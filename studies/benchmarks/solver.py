"""What the planar solver costs and how right it is, beside every peer that is installed.

    python -m studies.benchmarks.solver --quick         about 3 minutes, half of them fidimag's
    python -m studies.benchmarks.solver -o solver.json  8 to 10 minutes, 2 of them fidimag's

Structures of 160 x 160 cells, field from +H_A to the coercive field in steps of 0.01 H_A, one thread, fresh processes,
all sides in one run: evaluations, seconds and anchor points by group (largest easy axis up to 45 degrees from the
field: aligned; above 80: isotropic), the FFTs of an evaluation alone, two labelling processes against one, the memory
of a worker, ten times tighter tolerance, elements over cells. Ends with exit code 1 if a goal is missed.

Needs nothing but this package. Peers are measured where they are installed: fidimag (built from source), and magnum.np
(`pip install torch --index-url https://download.pytorch.org/whl/cpu`, then `pip install magnumnp`). Stored curves of
fidimag are those of the label set nd2fe14b-fidimag, or come from --reference. Nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from simulation import ANCHORS, Nd2Fe14B, Phase
from simulation.backends.planar import TOLERANCE
from simulation.execution.allotted import available_cores
from simulation.files import write_text
from studies.benchmarks.cases import Case, few, of_group, reference_cases
from studies.benchmarks.figures import Figure, Measured, figures, from_fidimag
from studies.benchmarks.peers import fidimag_missing, time_fidimag, time_magnum
from studies.benchmarks.timing import (
    CurveTiming,
    in_fresh_process,
    labelling_s,
    time_curves,
    time_ffts,
    worker_memory_mib,
)
from studies.script import command

REFERENCE = Path(__file__).parents[1] / "nd2fe14b" / "nd2fe14b-fidimag"
PACKAGES = ("numpy", "numba", "ducc0", "fidimag", "magnumnp", "torch")
FULL, QUICK = 22, 8


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, return the exit code."""
    options = parser().parse_args(arguments)
    cases = choose_cases(options.reference, QUICK if options.quick else FULL)
    run = measure(cases, 1 if options.quick else 3, options.fidimag or ([1, 1] if options.quick else [2, 1]))
    table = figures(run)
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(curves_table(run), figures_table(table))
    for sentence in run.missing:
        console.print(f"Not measured: {sentence}", style="dim")
    console.print(f"{machine()['processor']}, {machine()['cores']} cores", style="dim")
    if options.output:
        write_text(options.output, json.dumps(as_json(run, table), indent=1) + "\n")
    return 1 if any(figure.met is False for figure in table) else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    first, rest = (__doc__ or "").split("\n\n", 1)
    made = argparse.ArgumentParser(
        prog="python -m studies.benchmarks.solver",
        description=first,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help=f"{QUICK} structures once instead of {FULL} three times")
    made.add_argument("--reference", type=Path, metavar="DIR", help="stored curves fidimag_*.npz")
    made.add_argument(
        "--fidimag", type=int, nargs=2, metavar=("ALIGNED", "ISOTROPIC"), help="on how many structures fidimag runs"
    )
    made.add_argument("-o", "--output", type=Path, metavar="FILE", help="all figures as JSON")
    return made


def choose_cases(reference: Path | None, count: int) -> list[Case]:
    """Structures with stored curves."""
    return few(reference_cases(reference or REFERENCE), count)


def measure(cases: list[Case], repeats: int, with_fidimag: Sequence[int]) -> Measured:
    """Everything, one after the other."""
    structures = [case.structure for case in cases]
    say = Console(stderr=True).log
    say(f"our curves of {len(cases)} structures, {repeats} times each")
    run = Measured(cases, in_fresh_process(time_curves, structures, "planar", repeats))
    run.ffts_ms = in_fresh_process(time_ffts, *structures[0].shape)
    say("magnum.np's field")
    run.magnum = in_fresh_process(time_magnum, structures[0])
    if run.magnum is None:
        run.missing.append("magnum.np is not installed")
    measure_fidimag(run, with_fidimag, say)
    say("the same curves by elements")
    run.elements = in_fresh_process(element_curves, structures, repeats)
    say("the same with a second phase")
    run.phases = [in_fresh_process(phase_curves, structures, repeats, kind) for kind in ("cells", "elements")]
    say("labelling with one process and with two")
    measure_labelling(run, repeats)
    say("ten times tighter tolerance")
    run.tighter = in_fresh_process(tighter_curves, structures)
    return run


def measure_fidimag(run: Measured, counts: Sequence[int], say: Callable[[str], None]) -> None:
    """fidimag on the first few structures of two groups."""
    why = in_fresh_process(fidimag_missing)
    if why is not None:
        run.missing.append(why)
        return
    for group, count in zip(("aligned", "isotropic"), counts, strict=True):
        for case in of_group(run.cases, group)[:count]:
            say(f"fidimag on structure {case.name}, {group}")
            run.fidimag[case.name] = in_fresh_process(time_fidimag, case.structure)


def measure_labelling(run: Measured, rounds: int) -> None:
    """One process and two in turn, long curves first so that both are busy to the end; memory of a worker."""
    by_length = sorted(zip(run.cases, run.ours, strict=True), key=lambda pair: -pair[1].evaluations)
    structures = [case.structure for case, _ in by_length]
    run.memory_mib = worker_memory_mib(structures[0])
    if available_cores() < 2:
        run.missing.append("two labelling processes need two cores")
        return
    run.labelling_s = [(labelling_s(structures, 1), labelling_s(structures, 2)) for _ in range(rounds)]


def tighter_curves(structures: Sequence[Any]) -> Any:
    """Our curves with a tenth of the tolerance; for a fresh process."""
    return time_curves(structures, tolerance=TOLERANCE / 10)


def phase_curves(structures: Sequence[Any], repeats: int, discretization: str) -> Any:
    """Our curves, and those of the same magnets with a boundary layer of the numbers of the main phase: as many
    evaluations, with the code for two phases; structure by structure in turn; for a fresh process."""
    same = Phase(Nd2Fe14B.A_J_per_m, Nd2Fe14B.Js_T, Nd2Fe14B.K1_J_per_m3)
    pairs = [structure for one in structures for structure in (one, one.with_boundary(4.0, same))]
    time_curves([pairs[1]], discretization=discretization)  # what is compiled at first use is not counted
    timed = time_curves(pairs, repeats=repeats, discretization=discretization)
    return list(zip(timed[::2], timed[1::2], strict=True))


def element_curves(structures: Sequence[Any], repeats: int) -> Any:
    """Our curves by elements; for a fresh process."""
    return time_curves(structures, repeats=repeats, discretization="elements")


def curves_table(run: Measured) -> Table:
    """One line a structure."""
    table = Table(title="Curves to the coercive field: CPU seconds on one thread", title_justify="left")
    heads = ("structure", "largest axis", "evaluations", "s", "ms/evaluation", "fidimag evaluations", "fidimag s")
    for head in (*heads, "s stored", *(f"|{name} - fidimag's|" for name in ("M", "H"))):
        table.add_column(head, justify="right")
    for case, ours, error in zip(run.cases, run.ours, from_fidimag(run), strict=True):
        live = run.fidimag.get(case.name)
        theirs = live.evaluations if live else case.fidimag_evaluations
        table.add_row(
            case.name, f"{case.largest_axis_deg:.0f}°", str(ours.evaluations), f"{ours.cpu_s:.2f}",
            f"{ours.cpu_ms_per_evaluation:.2f}", "" if theirs is None else str(theirs),
            f"{live.cpu_s:.1f}" if live else "", "" if case.fidimag_s is None else f"{case.fidimag_s:.1f}",
            *("" if np.isnan(part).all() else f"{part.max():.5f}" for part in (error[:2], error[2:])),
        )  # fmt: skip
    return table


def figures_table(table: Sequence[Figure]) -> Table:
    """Every figure beside its goal."""
    drawn = Table(title="Figures and goals", title_justify="left")
    for head in ("figure", "measured", "goal", ""):
        drawn.add_column(head)
    words = {True: "[green]met", False: "[bold red]missed", None: ""}
    for figure in table:
        drawn.add_row(figure.quantity, figure.measured, figure.goal, words[figure.met])
    return drawn


def machine() -> dict[str, Any]:
    """Where this runs."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    processor = named[0] if named else platform.processor() or platform.machine()
    return {"processor": processor, "cores": available_cores(), "python": platform.python_version(), **packages}


def as_json(run: Measured, table: Sequence[Figure]) -> dict[str, Any]:
    """All that was measured, for programs; anchors in the order of `simulation.ANCHORS`, null where missing."""
    tighter: Sequence[CurveTiming | None] = run.tighter or [None] * len(run.cases)
    by_elements: Sequence[CurveTiming | None] = run.elements or [None] * len(run.cases)
    structures = [
        {
            "name": case.name,
            "group": case.group,
            "largest_axis_deg": case.largest_axis_deg,
            "ours": asdict(ours),
            "tighter": asdict(tight) if tight else None,
            "elements": asdict(elements) if elements else None,
            "fidimag": asdict(run.fidimag[case.name]) if case.name in run.fidimag else None,
            "fidimag_stored": None
            if case.anchors is None
            else {"anchors": case.anchors, "wall_s": case.fidimag_s, "evaluations": case.fidimag_evaluations},
        }
        for case, ours, tight, elements in zip(run.cases, run.ours, tighter, by_elements, strict=True)
    ]
    plain = {
        "machine": machine(),
        "anchors": list(ANCHORS),
        "structures": structures,
        "magnum": asdict(run.magnum) if run.magnum else None,
        "ffts_ms": run.ffts_ms,
        "labelling_s": run.labelling_s,
        "memory_mib": run.memory_mib,
        "missing": run.missing,
        "figures": [asdict(figure) for figure in table],
    }
    return _without_nan(plain)


def _without_nan(value: Any) -> Any:
    """The same with lists for arrays and null for NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
