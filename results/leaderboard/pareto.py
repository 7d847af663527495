"""The Pareto front of accuracy against latency."""

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """Give the points that no other one dominates.

    One point dominates another where it is at least as accurate and at least as fast, and better
    in one of the two; of equal points neither does.

    Args:
        points: Accuracy and latency by name.

    Returns:
        The names on the front.
    """
    found: set[str] = set()
    best, fastest_of_best = -1.0, float("inf")
    for name, (accuracy, latency) in sorted(
        points.items(), key=lambda item: (item[1][1], -item[1][0])
    ):
        if accuracy > best:
            best, fastest_of_best = accuracy, latency
            found.add(name)
        elif (accuracy, latency) == (best, fastest_of_best):
            found.add(name)
    return found
