"""What several tests share: starters of the programs that tests run against, the cast, and readers of pages."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the project
CERTIFICATES = ROOT / "tests" / "certificates"
