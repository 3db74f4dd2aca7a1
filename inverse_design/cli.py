"""The commands. Results that a program wants are in files; progress and prose go to standard error."""

from __future__ import annotations

import json
import logging
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from inverse_design import STARTED
from inverse_design.console import configure_logging, console, errors, print_any_name, printable, warn
from inverse_design.study.reading import StudyError, load_study
from simulation.errors import InputError
from simulation.files import replacing, write_text

log = logging.getLogger("inverse_design")


class _Commands(typer.core.TyperGroup):
    """Turns what a command raises into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            sentence = f"error: {printable(str(error))}"
            errors.print(sentence, style="bold red", soft_wrap=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            errors.print(
                "interrupted: nothing that was finished is lost, the same command goes on from here", soft_wrap=True
            )
            raise typer.Exit(130) from None
        except OSError as error:
            if error.errno is None:
                raise
            sentence = f"error: {printable(str(error.filename or 'file system'))}: {error.strerror}"
            errors.print(sentence, soft_wrap=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    help="""Inverse design of nanocrystalline permanent magnets: from a wanted demagnetisation curve to verified grains.

    Example: python -m inverse_design --quiet run studies/quickstart.yaml

    COMMAND --help says more of a command, with an example of each.
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where run folders are kept.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY.PATH=VALUE", help="Replace a key, such as goals.Hc.target=0.4; may be repeated."
    ),
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.")]
SHIPPED = "A shipped surrogate, nd2fe14b-elements or, of labels by the paper's cells, nd2fe14b"
SurrogateName = Annotated[
    str,
    typer.Option("--surrogate", metavar="NAME|RUN", help=f"{SHIPPED}, or a run folder with one."),
]
Degrees = Annotated[bool, typer.Option("--degrees", help="The angles of the structure file are degrees, not radians.")]
SPINS = "planar, or free to leave the plane where that is unstable (built-in solver)"
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object on standard output.")]


@app.callback()
def options(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say warnings and errors only; before the command.")] = False,
    log_level: Annotated[
        str,
        typer.Option(
            "--log-level", metavar="LEVEL", help="Least level of what is said: debug, info, warning or error."
        ),
    ] = "info",
) -> None:
    print_any_name()
    configure_logging(log_level, quiet)


@app.command()
def init(
    study: Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The file to write; must not exist.")],
) -> None:
    """Write a commented study to start from, valid as it is.

    Example: python -m inverse_design init my-magnet.yaml
    """
    if study.exists():
        raise StudyError(f"{study}: exists already; choose another name")
    text = (files("studies") / "template.yaml").read_text(encoding="utf-8")
    try:
        write_text(study, text)
    except OSError as error:
        raise StudyError(f"{study}: cannot be written ({error.strerror})") from None
    console.print(f"wrote {study}; next: python -m inverse_design check {study}")


@app.command()
def check(study: StudyFile, overrides: Overrides = None) -> None:
    """Validate a study and say what would be done; exit code 2 with one sentence if it is wrong.

    Example: python -m inverse_design check studies/quickstart.yaml
    """
    from inverse_design.commands.tables import describe
    from inverse_design.run.memory import check_memory
    from inverse_design.study.caveats import caveats

    wanted = load_study(study, overrides or ())
    check_memory(wanted)
    warn(caveats(wanted))
    for line in describe(wanted):
        console.print(line, soft_wrap=True)


@app.command()
def run(
    study: StudyFile,
    runs: Runs = Path("runs"),
    overrides: Overrides = None,
) -> None:
    """Run a study: labels, surrogate, search, full simulation, report. Run again, it goes on where it stopped.

    Example: python -m inverse_design run studies/quickstart.yaml --set seed=2
    """
    wanted = load_study(study, overrides or ())
    from inverse_design.commands.tables import closing_table
    from inverse_design.loop import run_study

    design = run_study(wanted, runs, began=STARTED)
    console.print(closing_table(design))
    console.print(f"stopped: {design.reason}")
    console.print(f"report: {runs / wanted.name / 'report.html'}", soft_wrap=True)


@app.command()
def status(run: RunPath) -> None:
    """Say what of a run is done: stages, labels so far, rounds, hits. Does not disturb a running one.

    Example: python -m inverse_design status runs/quickstart
    """
    from inverse_design.commands.tables import progress_of

    for line in progress_of(run):
        console.print(line, soft_wrap=True)


@app.command()
def simulate(
    structure: Annotated[Path, typer.Argument(metavar="STRUCTURE", help="A structure file (.npz).")],
    backend: Annotated[str, typer.Option(help="planar or fidimag.")] = "planar",
    discretization: Annotated[str, typer.Option(help="elements or cells; fidimag has cells only.")] = "elements",
    spins: Annotated[str, typer.Option(help=f"{SPINS}.")] = "planar",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where to write; default: beside the structure."),
    ] = None,
    degrees: Degrees = False,
) -> None:
    """Simulate the demagnetisation curve of one structure of Nd2Fe14B: curve.csv, anchors.json, curve.png.

    Example: python -m inverse_design simulate runs/quickstart/candidates/00/structure.npz -o checked
    """
    from inverse_design.commands.structure import simulate_file

    simulate_file(structure, backend, discretization, spins, output or structure.parent, degrees)


@app.command()
def predict(
    structure: Annotated[Path, typer.Argument(metavar="STRUCTURE", help="A structure file (.npz).")],
    surrogate: SurrogateName,
    as_json: AsJson = False,
    degrees: Degrees = False,
) -> None:
    """Predict the anchor points of one structure with their standard deviation; nothing is simulated.

    Example: python -m inverse_design predict structure.npz --surrogate runs/quickstart
    """
    from inverse_design.commands.structure import predict_file

    found = predict_file(structure, surrogate, degrees)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    novelty = found.pop("novelty", None)
    for name, value in found.items():
        intervals = (
            f"   68 %: +- {value['within_68']:.4f}   95 %: +- {value['within_95']:.4f}" if "within_68" in value else ""
        )
        typer.echo(f"{name:>5} {value['mean']:8.4f} +- {value['std']:.4f}{intervals}")
    if novelty is not None:
        where = "outside of what it was trained on" if novelty["outside"] else "inside, outside above 1"
        typer.echo(f"novelty {novelty['value']:.2f} ({where})")


@app.command()
def morph(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A structure file, or GRAINS,DEGREES[,SEED], such as 16,178: Voronoi grains."),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The same for the other end.")],
    surrogate: SurrogateName,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PNG", help="The picture to write.")],
    steps: Annotated[int, typer.Option(min=2, max=24, help="Structures on the way, both ends included.")] = 6,
) -> None:
    """Go from one structure to another through the latent space: decoded axes and predicted curves.

    Example: python -m inverse_design morph 4,178 32,175 --surrogate runs/quickstart -o morph.png
    """
    from inverse_design.commands.morph import end_point, morph_figure
    from inverse_design.commands.morph import morph as morph_between
    from inverse_design.files import writable
    from inverse_design.report.style import own_style
    from surrogate import card

    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"{output}: a picture is written as .png, .svg or .pdf")
    writable(output.parent)
    folder = card.find_surrogate(surrogate)
    encoding = card.read_autoencoder_card(folder / card.read_card(folder).autoencoder).encoding
    ends = end_point(a, encoding), end_point(b, encoding)
    from surrogate import Surrogate

    found = morph_between(*ends, Surrogate.load(folder), steps)
    with own_style(), replacing(output) as partial:
        morph_figure(found).savefig(partial, dpi=150)
    console.print(f"wrote {output}", soft_wrap=True)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(metavar="NAME|RUN", help=f"{SHIPPED}, or a run folder.")],
    as_json: AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Also draw figures into this folder, PNG and SVG."),
    ] = None,
) -> None:
    """Mean absolute error of a surrogate on its test split, beside the paper's Table 3.

    Example: python -m inverse_design evaluate runs/quickstart --json
    """
    from inverse_design.commands.tables import accuracy_of, accuracy_table
    from inverse_design.files import writable

    if output is not None:
        writable(output)
    result = accuracy_of(name)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        console.print(accuracy_table(result))
    if output is not None:
        from inverse_design.commands.evaluate import write_figures

        for path in write_figures(name, output):
            console.print(f"wrote {path}", soft_wrap=True)


@app.command()
def report(
    run: RunPath,
    other: Annotated[Path | None, typer.Argument(metavar="RUN2", help="A run to set beside it.")] = None,
) -> None:
    """Write report.html and the tables of a run again; with a second run, a page that sets both side by side.

    Example: python -m inverse_design report runs/quickstart runs/my-magnet
    """
    from inverse_design.outputs import compare, report_again

    path = report_again(run) if other is None else compare((run, other))
    console.print(f"wrote {path}", soft_wrap=True)


@app.command()
def verify(
    run: RunPath,
    backend: Annotated[str, typer.Option(help="planar or fidimag.")] = "planar",
    discretization: Annotated[str, typer.Option(help="elements or cells; fidimag has cells only.")] = "elements",
    refine: Annotated[int, typer.Option(min=1, max=8, help="Cells so many times smaller.")] = 1,
    out_of_plane: Annotated[
        float,
        typer.Option(metavar="RAD", min=0.0, max=0.5, help="Push out of the plane at every field (fidimag only)."),
    ] = 0.0,
    spins: Annotated[str | None, typer.Option(help=f"{SPINS}; default: as the run's labels.")] = None,
) -> None:
    """Simulate a run's candidates again: by another solver, on another mesh, with free spins; rows of verified.csv.

    Example: python -m inverse_design verify runs/quickstart --refine 2
    """
    from inverse_design.commands.verify import verify_again

    path, found = verify_again(run, backend, discretization, refine, out_of_plane, spins)
    console.print(found, soft_wrap=True)
    console.print(f"wrote {path}", soft_wrap=True)


@app.command()
def export(
    source: Annotated[Path, typer.Argument(metavar="RUN|STRUCTURE", help="A run folder, or a structure file (.npz).")],
    candidate: Annotated[int | None, typer.Argument(metavar="CANDIDATE", help="Of a run: its number.")] = None,
    format: Annotated[str, typer.Option("--format", help="npz, ovf or mumax3.")] = "ovf",
    spins: Annotated[str | None, typer.Option(help=f"{SPINS}; default: as the run's labels.")] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Default: structure.ovf (.mx3) beside the structure."),
    ] = None,
    degrees: Degrees = False,
) -> None:
    """Write a structure for another program: OVF 2.0 (OOMMF, mumax3, Ubermag) or a mumax3 script.

    Example: python -m inverse_design export runs/quickstart 3 --format mumax3
    """
    from inverse_design.commands.structure import export_file

    for path in export_file(source, candidate, format, output, spins, degrees):
        console.print(f"wrote {path}", soft_wrap=True)


@app.command()
def label(
    study: StudyFile,
    shard: Annotated[str | None, typer.Option(metavar="K/N", help="Only every N-th structure, from the K-th.")] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: labels.sqlite in the run folder.")
    ] = None,
    runs: Runs = Path("runs"),
    overrides: Overrides = None,
) -> None:
    """Simulate the labels of a study, all or a shard of them, and nothing else.

    Example: python -m inverse_design label study.yaml --shard 3/64 --store part3.sqlite
    """
    from inverse_design.commands.label import label_study

    wanted = load_study(study, overrides or ())
    console.print(label_study(wanted, store or runs / wanted.name / "labels.sqlite", shard), soft_wrap=True)


@app.command()
def merge(
    parts: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Label stores, or label sets (.npz), to take labels from.")
    ],
    store: Annotated[Path, typer.Option(metavar="FILE", help="The store to add them to.")],
) -> None:
    """Add the labels of stores and label sets to one store; doing it twice changes nothing.

    Example: python -m inverse_design merge part*.sqlite --store runs/magnet/labels.sqlite
    """
    from inverse_design.commands.label import merge_into

    console.print(merge_into(store, parts), soft_wrap=True)
