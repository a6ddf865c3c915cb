"""Medians, and how far they can be trusted."""

import math
import statistics


def median(values):
    return statistics.median(values)


def interval(values):
    """The 95 % interval of the median by order statistics: no assumption about the distribution. With fewer than six
    values no such interval exists; then it is the whole range, which holds less than 95 %."""
    ordered = sorted(values)
    n = len(ordered)
    outside = 0.0
    rank = 0  # so many values are left out at each end
    while rank < n // 2:
        outside += 2 * math.comb(n, rank) / 2**n
        if outside > 0.05:
            break
        rank += 1
    rank = max(rank - 1, 0)
    return ordered[rank], ordered[n - 1 - rank]


def summary(values):
    low, high = interval(values)
    return {"median": median(values), "low": low, "high": high, "count": len(values)}
