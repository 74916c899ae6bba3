"""Helpers shared by tests: starters of programs, the named people, readers of pages and mails."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the project
CERTIFICATES = ROOT / "tests" / "certificates"
