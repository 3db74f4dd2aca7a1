"""How the page's plots look: the colours of the report, on Bokeh's figures."""

from __future__ import annotations

from typing import Any

from bokeh.models import InlineStyleSheet
from bokeh.plotting import figure

RAISED, INK, SOFT, RULE = "#ffffff", "#1d1f23", "#5b6069", "#d9dad6"
SIMULATED, PREDICTED, GOAL, FAILED, POINT = "#1f5f99", "#b04e0a", "#2f855a", "#8b2f3f", "#8a8f98"
CHECKED = {"finer mesh": "#7a4fa3", "free spins": "#9a7b00"}
DARK = {
    RAISED: "#1d2025", INK: "#e7e6e2", SOFT: "#a2a7b0", RULE: "#363a41", SIMULATED: "#74b3ec", PREDICTED: "#f2a25c",
    GOAL: "#68c690", FAILED: "#ee8b98", POINT: "#8d939d", CHECKED["finer mesh"]: "#c3a1ea",
    CHECKED["free spins"]: "#dfc156",
}  # fmt: skip
"""What the page draws in place of these where dark colours are preferred; those of the report."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif"


def plot(name: str, x_label: str, y_label: str, tools: str = "", **more: Any) -> Any:
    """A figure as wide as its place."""
    made = figure(
        name=name, tools=tools, sizing_mode="stretch_width", min_width=240, x_axis_label=x_label, y_axis_label=y_label,
        background_fill_color=RAISED, border_fill_color=None, outline_line_color=RULE, **more,
    )  # fmt: skip
    made.toolbar.logo = None
    made.toolbar_location = "above" if tools else None
    for axis in (*made.xaxis, *made.yaxis):
        axis.axis_label_text_color, axis.axis_label_text_font_style = INK, "normal"
        axis.major_label_text_color = axis.axis_line_color = axis.major_tick_line_color = SOFT
        axis.minor_tick_line_color = None
        axis.axis_label_text_font = axis.major_label_text_font = FONT
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
    made.grid.visible = False
    return made


def sheet() -> InlineStyleSheet:
    """For widgets and texts, whose shadow roots the page's own style does not reach."""
    return InlineStyleSheet(css=WIDGETS)


WIDGETS = f"""
:host, .bk-input, .bk-btn {{ font: 14px/1.45 {FONT}; }}
:host, .bk-input, .bk-btn-default {{ color: var(--ink); }}
label, .bk-input-group > label, .bk-slider-title {{ color: var(--soft); font-size: 13px; }}
.bk-slider-value {{ color: var(--ink); font-weight: 600; }}
.bk-input-group.bk-inline {{ flex-wrap: wrap; gap: .1rem .6rem; }}
.bk-inline > *:not(:first-child) {{ margin-left: 0; }}
.bk-input {{ background: var(--raised); border-color: var(--rule); min-height: 32px; }}
.bk-btn-default {{ background: var(--raised); border-color: var(--rule); }}
.bk-btn-default:hover {{ background: var(--shade); }}
.bk-btn-default[disabled], .bk-btn-default[disabled]:hover {{
  background: var(--shade); color: var(--soft); opacity: .8; }}
.noUi-target {{ background: var(--shade); border-color: var(--rule); }} .noUi-handle {{ background: var(--soft); }}
.bk-btn {{ border-radius: .35rem; min-height: 32px; padding: 4px 6px; white-space: normal; }}
.bk-btn:focus-visible, .bk-input:focus-visible, .noUi-handle:focus-visible {{
  outline: 2px solid var(--simulated); outline-offset: 2px; }}
.bk-btn-default.bk-active {{ background: var(--simulated); color: var(--on); border-color: var(--simulated); }}
.bk-btn-primary {{ background: var(--simulated); border-color: var(--simulated); color: var(--on); }}
.bk-btn-primary:hover {{ background: var(--simulated); color: var(--on); filter: brightness(1.1); }}
.noUi-connect {{ background: var(--simulated); }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }}
caption {{ text-align: left; color: var(--soft); font-size: 13px; padding-bottom: .3rem; }}
th, td {{ text-align: left; padding: .2rem .5rem .2rem 0; border-bottom: 1px solid var(--rule); font-size: 13px; }}
td {{ white-space: nowrap; }} .bk-clearfix {{ overflow-x: auto; }}
thead th {{ color: var(--soft); font-weight: 500; font-size: 13px; }}
.meets {{ color: var(--goal); font-weight: 600; }} .misses {{ color: var(--failed); }}
.predicted {{ color: var(--predicted); }} .simulated {{ color: var(--simulated); }}
.warning {{ color: var(--failed); }} p {{ margin: .2rem 0; }} .soft {{ color: var(--soft); font-size: 13px; }}
img {{ width: 100%; height: auto; display: block; image-rendering: pixelated; border: 1px solid var(--rule); }}
"""
