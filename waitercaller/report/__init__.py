"""The report: how many calls there were, how long guests waited, and who came to whom today."""

from waitercaller.report.views import blueprint

__all__ = ["blueprint"]
