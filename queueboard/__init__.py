import os

# The matrices are small: what threads of numpy's gain on one is less than what they cost. To be said before numpy loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from queueboard.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
