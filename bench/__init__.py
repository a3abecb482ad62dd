"""Benchmarks: ours and the reference in the same run, printed as a ratio. `make bench` runs them all."""

import os

os.environ.setdefault("SECRET_KEY", "bench" * 10)
