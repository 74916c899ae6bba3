"""Live updates: the hub of a process, its watcher on the change stream, and the event streams."""
