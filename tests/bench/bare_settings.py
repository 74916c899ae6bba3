"""gunicorn's settings for the baseline: the same worker class, nothing else."""

worker_class = "gevent"
worker_connections = 4000
accesslog = None
control_socket_disable = True
