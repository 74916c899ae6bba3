"""Live updates: hub, change stream watcher and server-sent event streams of a process."""
