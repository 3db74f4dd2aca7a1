"""The report of a run: one offline page and its figures, from plain values; knows nothing of Keras or TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {"ReportData": "data", "write_report": "page"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"inverse_design.report.{_HOME[name]}"), name)
    raise AttributeError(f"module 'inverse_design.report' has no attribute {name!r}")


if TYPE_CHECKING:
    from inverse_design.report.data import ReportData as ReportData
    from inverse_design.report.page import write_report as write_report
