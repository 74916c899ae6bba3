"""Tests of a group run in one worker: pytest-xdist reads the group from the node id."""

import pytest


@pytest.mark.xdist_group("deploy")
def test_a_group_is_part_of_the_node_id_in_a_worker(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 with pytest-xdist 3.8 loses it, and tests that depend on their order fail."""
    is_worker = hasattr(request.config, "workerinput")
    assert request.node.nodeid.endswith("@deploy") == is_worker
