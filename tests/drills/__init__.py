"""`make drills`: real processes are killed, frozen and attacked, and what must hold is counted; docs/operations.md."""
