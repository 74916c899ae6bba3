"""The smallest form of a drill; `make drills` runs all of them, longer."""

from pathlib import Path

import pytest

from tests.drills import kills
from tests.drills.scene import Scene, opened


@pytest.mark.slow
def test_a_killed_worker_loses_no_call(tmp_path: Path) -> None:
    with opened(Scene(tmp_path / "scene")) as scene:
        row = kills.run(scene, "worker killed", kills.kill_worker, rounds=1, guests=3, screens=2)
    # How long it takes is for `make drills`: a busy machine says nothing about it.
    assert [each for each in row.broken if each != kills.LATE] == [], row
