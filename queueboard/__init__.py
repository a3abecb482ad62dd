import os

# The matrices are small: threads of numpy's cost more than they gain. To be said before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from queueboard.celery import app as celery_app

__all__ = ["celery_app"]
