"""R2.1: how fast walk-ins arrive, by the study's estimator: sampled minutes of past sessions."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import QuotaError, whole

Counts = NDArray[np.int64]


def minute_counts(arrivals: Iterable[Iterable[float]], start: float, minutes: int) -> Counts:
    """Walk-ins by minute of an interval, the form that `sampled_rate` reads.

    `arrivals`: for each past session the walk-ins' arrival instants in minutes from that session's own start (negative
    before it), in any order; a session without any is an empty entry and still counts. `start`: where the interval
    begins, on the same scale (-60 for the hour before the start). `minutes`: its length. An arrival at the interval's
    end belongs to the next one. Returns integers of shape (sessions, minutes).
    Raises QuotaError `bad_interval` for a length under 1, `bad_history` for an instant that is not a finite number.
    """
    length = whole(minutes, "the minutes of an interval", "bad_interval")
    if length == 0:
        raise QuotaError("an interval is at least one minute long", "bad_interval")
    rows = []
    for session in arrivals:
        offsets = np.asarray(list(session), dtype=float)
        if not np.isfinite(offsets).all():
            raise QuotaError("an arrival instant is not a finite number", "bad_history")
        minute = np.floor(offsets - start)
        inside = minute[(minute >= 0) & (minute < length)].astype(np.int64)
        rows.append(np.bincount(inside, minlength=length))
    return np.array(rows, dtype=np.int64).reshape(-1, length)


def sample_frequencies(minutes: ArrayLike, *, samples: int, clip: int, rng: np.random.Generator) -> Counts:
    """The study's frequency table of one interval (R2.1; its table 1): sampled minutes with 0, 1 .. clip walk-ins.

    `minutes`: integers of shape (past sessions, minutes of the interval), walk-ins in each minute. From each session
    `samples` (study: 50) one-minute windows are drawn, and counts over `clip` (study: 4) count as `clip`; so the last
    entry reads "clip or more". Returns clip + 1 integers; they sum to sessions x samples.

    Windows are drawn with replacement: every draw then sees the same minutes whatever the interval's length, and an
    interval shorter than `samples` minutes needs no rule of its own.
    Raises QuotaError: `no_history` without sessions or minutes, `bad_history` for other than whole counts from 0 up in
    two dimensions, `bad_setting` for `samples` or `clip` under 1.
    """
    if min(whole(samples, "samples", "bad_setting"), whole(clip, "clip", "bad_setting")) < 1:
        raise QuotaError("samples and clip must be at least 1", "bad_setting")
    try:
        counts = np.asarray(minutes)
    except ValueError as error:
        raise QuotaError("the past sessions of an interval have the same number of minutes", "bad_history") from error
    if counts.size == 0:
        raise QuotaError("no past session to estimate walk-ins from", "no_history")
    if counts.ndim != 2 or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise QuotaError("walk-ins must be whole counts, 0 or more, by past session and minute", "bad_history")
    sessions, length = counts.shape
    windows = rng.integers(0, length, size=(sessions, int(samples)))
    drawn = np.minimum(np.take_along_axis(counts, windows, axis=1), int(clip))
    return np.bincount(drawn.ravel().astype(np.int64), minlength=int(clip) + 1)


def rate_of_frequencies(frequencies: ArrayLike) -> float:
    """Walk-ins per minute from a frequency table: sum(count x frequency) / number of samples (R2.1).

    `frequencies`: how many samples had 0, 1, 2 .. walk-ins. Raises QuotaError `no_history` for a table without samples,
    `bad_history` for one that is not a row of whole numbers from 0 up.
    """
    table = np.asarray(frequencies)
    if table.size == 0 or not table.any():
        raise QuotaError("a frequency table without samples gives no rate", "no_history")
    if table.ndim != 1 or table.dtype.kind not in "iu" or table.min() < 0:
        raise QuotaError("frequencies must be one row of whole numbers, 0 or more", "bad_history")
    return float(np.arange(table.size) @ table) / float(table.sum())


def sampled_rate(minutes: ArrayLike, *, samples: int, clip: int, rng: np.random.Generator) -> float:
    """The study's estimate of walk-ins per minute in one interval (R2.1).

    Arguments and errors are those of `sample_frequencies`. The same `rng` state gives the same rate. Clipping makes it
    too low where more than `clip` come in one minute: that is the study's estimator, kept as it is.
    """
    return rate_of_frequencies(sample_frequencies(minutes, samples=samples, clip=clip, rng=rng))
