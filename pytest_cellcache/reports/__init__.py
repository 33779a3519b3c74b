"""Events in, text out: what a run says of itself; knows nothing of pytest and opens no file."""

from __future__ import annotations

from pytest_cellcache.reports.explain import explain_lines
from pytest_cellcache.reports.json_report import json_report, render_json
from pytest_cellcache.reports.stock import show_lines
from pytest_cellcache.reports.summary import header_line, summary_lines
from pytest_cellcache.reports.wording import words

__all__ = [
    "explain_lines",
    "header_line",
    "json_report",
    "render_json",
    "show_lines",
    "summary_lines",
    "words",
]
