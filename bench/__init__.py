"""Benchmarks: ours and the reference in the same run, printed as a ratio. `make bench` runs them all."""
