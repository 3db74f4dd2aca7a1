"""What objects look like in a notebook: a picture beside a small table, in HTML that needs nothing from outside."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from html import escape

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def beside(picture: str, rows: Iterable[tuple[str, str]], title: str = "") -> str:
    """An image (a `data:` address, or none) with a table of names and values at its right."""
    cells = "".join(f"<tr><th style='text-align:left'>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows)
    shown = f"<img alt='{escape(title, quote=True)}' src='{picture}' style='max-height:20em'>" if picture else ""
    return (
        "<div style='display:flex;flex-wrap:wrap;gap:1em;align-items:center'>"
        f"{shown}<table><caption>{escape(title)}</caption>{cells}</table></div>"
    )


def png_of(draw: Callable[[Axes], object], width: float = 5.0, height: float = 3.4) -> str:
    """What is drawn on axes of a figure of its own, inches, as a PNG in a `data:` address."""
    figure = Figure(figsize=(width, height), layout="constrained")
    draw(figure.add_subplot())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
