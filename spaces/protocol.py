"""The brief's training protocol, and how much training a log of another size gets."""

BRIEF_FIT_ROWS = 15_059
BRIEF_EPOCHS = 3
MOST_EPOCHS = 40

# How often the pruner looks at a training, as far as it has so many epochs' ends or quarters.
LOOKS = 12
MOST_REPORTS = 4


def epochs_for(rows: int) -> int:
    """Give a log about as many updates of the weights as the brief's protocol gives its own.

    The bounds are those that were measured. On nine logs of 2,000 to 8,000 rows, the default
    network made fewer errors with so many epochs than with three, or with half as many, in the
    geometric mean though not on each log. A log with more rows than the brief's keeps its three.

    Args:
        rows: How many rows a training sees in one epoch.

    Returns:
        Epochs, 3 to 40.
    """
    wanted = round(BRIEF_EPOCHS * BRIEF_FIT_ROWS / max(rows, 1))
    return min(max(wanted, BRIEF_EPOCHS), MOST_EPOCHS)


def reports_for(epochs: int) -> int:
    """Say how often a trial reports in an epoch, so that long trainings report no more than short.

    Args:
        epochs: Epochs of a training.

    Returns:
        Four, or fewer if the training has more than three epochs; one at least.
    """
    return min(max(-(-LOOKS // epochs), 1), MOST_REPORTS)
