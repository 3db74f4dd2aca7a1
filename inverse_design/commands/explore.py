"""The explorer of the latent space, as a command."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from inverse_design.console import console, result
from inverse_design.files import writable
from inverse_design.study.shipped import fixed_sections
from simulation.errors import InputError

FOLDER = "explored"


def explore_name(name: str, port: int = 0, output: Path | None = None) -> None:
    """Serve the page of a shipped surrogate or a run until Ctrl-C.

    Raises:
        InputError: if Bokeh is not installed, there is no such surrogate or run, nothing can be saved in the folder or
            nothing can listen on the port.
    """
    if importlib.util.find_spec("bokeh") is None:
        raise InputError("explore: Bokeh is not installed; pip install 'inverse-design[explore]'")
    is_run = (Path(name) / "study.yaml").is_file()
    if not is_run:
        fixed_sections(name)  # says what is wrong with it before anything is loaded
    folder = output or (Path(name) / FOLDER if is_run else Path(FOLDER))
    writable(folder if folder.exists() else folder.parent)
    from inverse_design.explore.atlas import load_atlas
    from inverse_design.explore.server import explore

    with console.status("loading TensorFlow, labels and codes"):
        atlas = load_atlas(name)
    explore(atlas, folder, port, result)
