"""Benchmarks, each with its baseline or limit measured in the same run. Not tests; `make bench` prints them."""
