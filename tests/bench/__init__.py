"""Benchmarks: figures beside their floors, measured in one run. Not tests; `make bench` prints them."""
