"""The report verb: one self-contained HTML page from the JSON of a results folder; reads only, computes nothing."""

from tuneward.report.page import ReportOptions, render, run

__all__ = ["ReportOptions", "render", "run"]
