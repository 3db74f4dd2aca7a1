"""The commands. Results go to standard output and into files; progress, warnings and the log to standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inverse_design import STARTED
from inverse_design.commands import completion
from inverse_design.commands.completion import of_words
from inverse_design.commands.program import Commands, Program, options
from inverse_design.commands.reading import reads_structures
from inverse_design.console import console, result, result_json, result_table, say_loading, warn
from inverse_design.study.reading import load_study
from simulation.errors import InputError
from simulation.files import replacing
from simulation.formats.options import ReadOptions
from simulation.material import MATERIALS

app = Program(
    cls=Commands,
    help="""Inverse design of nanocrystalline permanent magnets: from a wanted demagnetisation curve to verified grains.

    Example: python -m inverse_design init quickstart.yaml --example quickstart, then run quickstart.yaml

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
RunPath = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run folder, such as runs/quickstart.", autocompletion=completion.runs),
]
StructureFile = Annotated[
    Path, typer.Argument(metavar="STRUCTURE", help="A structure file: .npz, or a map of another program, see show.")
]
SHIPPED = "A shipped surrogate, nd2fe14b-free or, of planar spins, nd2fe14b-elements or, by the paper's cells, nd2fe14b"
SurrogateName = Annotated[
    str,
    typer.Option(
        "--surrogate",
        metavar="NAME|RUN",
        help=f"{SHIPPED}, or a run folder with one.",
        autocompletion=completion.surrogates,
    ),
]
Backend = Annotated[
    str, typer.Option(help="planar or fidimag.", autocompletion=of_words("planar", "fidimag"), metavar="NAME")
]
Discretization = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="elements or cells; of a structure in a run, default: the run's, else elements. fidimag has cells only.",
        autocompletion=of_words("elements", "cells"),
    ),
]
MaterialName = Annotated[
    str | None,
    typer.Option(
        "--material",
        metavar="NAME|FILE",
        help=f"{', '.join(MATERIALS)} (see materials), or a YAML file with A_J_per_m, Js_T and K1_J_per_m3, a study "
        "for one; of a structure in a run, default: the run's.",
        autocompletion=of_words(*MATERIALS),
    ),
]
SPINS = "planar, or free to leave the plane where that is unstable (built-in solver)"
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object on standard output.")]


app.callback()(options)


@app.command()
def init(
    study: Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The file to write; must not exist.")],
    surrogate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Start from a shipped surrogate: no labels to make, nothing to train.",
            autocompletion=completion.shipped_surrogates,
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Copy a study that is shipped.", autocompletion=completion.examples),
    ] = None,
) -> None:
    """Write a commented study to start from, valid as it is.

    Example: python -m inverse_design init my-magnet.yaml --surrogate nd2fe14b-free
    """
    from inverse_design.commands.init import write_study

    write_study(study, surrogate, example)
    result(f"wrote {study}; next: python -m inverse_design check {study}")


@app.command()
def check(
    study: StudyFile,
    overrides: Overrides = None,
    runs: Runs = Path("runs"),
    measure: Annotated[
        bool,
        typer.Option(
            "--time",
            help="Simulate one curve and say how long all of them will take; without it, what the "
            "run's own curves took, if it has some.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Validate a study and say what would be done and what it takes; exit code 2 with one sentence if it is wrong.

    Example: python -m inverse_design check studies/quickstart.yaml --time
    """
    from inverse_design.commands.plan import describe, plan
    from inverse_design.run.memory import check_memory
    from inverse_design.study.caveats import caveats

    wanted = load_study(study, overrides or ())
    check_memory(wanted)
    said = caveats(wanted)
    warn(said)
    found = plan(wanted, runs / wanted.name, measure)
    if as_json:
        result_json({**found, "warnings": said})
    else:
        result(*describe(wanted, found))


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
    result_table(closing_table(design))
    result(f"stopped: {design.reason}", f"report: {runs / wanted.name / 'report.html'}")


@app.command()
def status(run: RunPath, as_json: AsJson = False) -> None:
    """Say how far a run is: stages, the one at work, labels, rounds, confirmed hits. Does not disturb a running one.

    Example: python -m inverse_design status runs/quickstart
    """
    from inverse_design.commands.status import in_words, status_of

    found = status_of(run)
    if as_json:
        result_json(found)
    else:
        result(*in_words(found))


@app.command()
@reads_structures
def show(
    structure: StructureFile,
    reading: ReadOptions,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PNG", help="Draw map, grain sizes and axes into this picture."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a structure is: size, cells, grains, their sizes, axes and texture, and what was done to the file.

    Read are this package's .npz, EBSD maps (.ang, .ctf, .h5, .h5oina), Neper's .tesr, tables (.csv), pictures of grains
    (.png, .tif) and OVF files of easy axes or regions; nothing is simulated.

    Example: python -m inverse_design show map.ctf --cell-nm 2 -o map.png
    """
    from inverse_design.commands.show import show_file
    from inverse_design.files import writable

    if output is not None:
        _check_picture(output)
        writable(output.parent)
    facts, lines = show_file(structure, reading, output)
    if as_json:
        result_json(facts)
        return
    result(*lines)
    if output is not None:
        result(f"wrote {output}")


@app.command()
@reads_structures
def simulate(
    structure: StructureFile,
    reading: ReadOptions,
    backend: Backend = "planar",
    discretization: Discretization = None,
    material: MaterialName = None,
    spins: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{SPINS}; of a structure in a run, default: the run's.",
            autocompletion=of_words("planar", "free"),
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where to write; default: beside the structure, of one in a run, a new folder here.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate the demagnetisation curve of one structure: curve.csv, anchors.json, curve.png.

    A structure in a run is simulated with the run's material, field sweep and discretisation.

    Example: python -m inverse_design simulate runs/quickstart/candidates/00/structure.npz -o checked
    """
    from inverse_design.commands.structure import simulate_file

    simulate_file(structure, backend, discretization, material, output, spins, reading, as_json)


@app.command()
@reads_structures
def predict(
    structure: StructureFile,
    reading: ReadOptions,
    surrogate: Annotated[
        str | None,
        typer.Option(
            "--surrogate",
            metavar="NAME|RUN",
            help=f"{SHIPPED}, or a run folder with one; of a structure in a run, default: that run.",
            autocompletion=completion.surrogates,
        ),
    ] = None,
    material: MaterialName = None,
    as_json: AsJson = False,
) -> None:
    """Predict the anchor points of one structure with their standard deviation; nothing is simulated.

    Example: python -m inverse_design predict structure.npz --surrogate runs/quickstart
    """
    from inverse_design.commands.structure import anchor_in_si, predict_file

    found, conditions, magnet = predict_file(structure, surrogate, material, reading)
    if as_json:
        result_json(found)
        return
    result(conditions)
    novelty = found.pop("novelty", None)
    for name, value in found.items():
        intervals = (
            f"   68 %: +- {value['within_68']:.4f}   95 %: +- {value['within_95']:.4f}" if "within_68" in value else ""
        )
        beside = "" if magnet is None else f"   {anchor_in_si(name, value['mean'], magnet)}"
        result(f"{name:>5} {value['mean']:8.4f} +- {value['std']:.4f}{intervals}{beside}")
    if novelty is not None:
        where = "outside of what it was trained on" if novelty["outside"] else "inside, outside above 1"
        result(f"novelty {novelty['value']:.2f} ({where})")


@app.command()
@reads_structures
def morph(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A structure file, or GRAINS,DEGREES[,SEED], such as 16,178: Voronoi grains."),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The same for the other end.")],
    reading: ReadOptions,
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

    _check_picture(output)
    writable(output.parent)
    folder = card.find_surrogate(surrogate)
    encoding = card.read_autoencoder_card(folder / card.read_card(folder).autoencoder).encoding
    ends = end_point(a, encoding, reading), end_point(b, encoding, reading)
    card.check_surrogate(folder)
    say_loading()
    from surrogate import Surrogate

    found = morph_between(*ends, Surrogate.load(folder), steps)
    with own_style(), replacing(output) as partial:
        morph_figure(found).savefig(partial, dpi=150)
    result(f"wrote {output}")


@app.command()
def explore(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|RUN", help=f"{SHIPPED}, or a run folder.", autocompletion=completion.surrogates),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served; 0 for any free port.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Where the page saves; default: explored, here or in the run."
        ),
    ] = None,
) -> None:
    """Open the latent space in the browser: morph, turn grains, simulate, find, save. Ctrl-C ends it.

    The page is served on this machine alone, under an address that nobody can guess.

    Example: python -m inverse_design explore nd2fe14b-free
    """
    from inverse_design.commands.explore import explore_name

    explore_name(name, port, output)


@app.command()
def evaluate(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|RUN", help=f"{SHIPPED}, or a run folder.", autocompletion=completion.surrogates),
    ],
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
    found = accuracy_of(name)
    if as_json:
        result_json(found)
    else:
        result_table(accuracy_table(found))
    if output is not None:
        from inverse_design.commands.evaluate import write_figures

        for path in write_figures(name, output):
            if as_json:  # standard output is the object alone
                console.print(f"wrote {path}", soft_wrap=True)
            else:
                result(f"wrote {path}")


@app.command()
def report(
    run: RunPath,
    others: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN2...", help="Runs to set beside it, up to five.", autocompletion=completion.runs),
    ] = None,
) -> None:
    """Write report.html, all figures and the tables of a run again; with further runs, a page of all of them.

    Example: python -m inverse_design report runs/quickstart runs/my-magnet
    """
    from inverse_design.outputs import compare, report_again

    path = compare((run, *others)) if others else report_again(run)
    result(f"wrote {path}")


@app.command()
def verify(
    run: RunPath,
    backend: Backend = "planar",
    discretization: Annotated[
        str,
        typer.Option(
            help="elements or cells; fidimag has cells only.",
            autocompletion=of_words("elements", "cells"),
            metavar="NAME",
        ),
    ] = "elements",
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
    result(found, f"wrote {path}")


@app.command()
@reads_structures
def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|STRUCTURE",
            help="A run folder, or a structure file.",
            autocompletion=completion.runs,
        ),
    ],
    reading: ReadOptions,
    candidate: Annotated[
        int | None,
        typer.Argument(metavar="CANDIDATE", help="Of a run: its number.", autocompletion=completion.candidates),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="npz, ovf or mumax3; default: by the suffix of the output, else ovf.",
            autocompletion=of_words("npz", "ovf", "mumax3"),
        ),
    ] = None,
    spins: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"{SPINS}; default: as the run's labels.", autocompletion=of_words("planar", "free")
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR/",
            help="Default: structure.ovf (.mx3) beside the structure. A folder, or a name that ends in /: into it.",
        ),
    ] = None,
    material: MaterialName = None,
) -> None:
    """Write a structure for another program: OVF 2.0 (OOMMF, mumax3, Ubermag) or a mumax3 script.

    Example: python -m inverse_design export runs/quickstart 3 -o magnet.mx3
    """
    from inverse_design.commands.export import export_file

    for path in export_file(source, candidate, format, output, material, spins, reading):
        result(f"wrote {path}")


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
    result(label_study(wanted, runs / wanted.name, store, shard))


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

    result(merge_into(store, parts))


@app.command()
def materials(as_json: AsJson = False) -> None:
    """List the materials that a study can name, with the source of each number.

    Example: python -m inverse_design materials
    """
    from inverse_design.commands.materials import materials as listed
    from inverse_design.commands.materials import materials_table, sources_in_words

    if as_json:
        result_json({"materials": listed()})
        return
    result_table(materials_table())
    for line in sources_in_words():
        result(line)


def _check_picture(output: Path) -> None:
    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"{output}: a picture is written as .png, .svg or .pdf")
