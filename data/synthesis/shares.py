"""How many rows of a made-up log are fitted, validated on and held out, and how many are normal."""

# Of the rows fitted, validated on and held out: as in the notebook's log, whose accuracies of a
# network that calls every row normal are these.
NORMAL_SHARES = (0.5855, 0.34, 0.439)


def normal_rows(rows: int) -> tuple[tuple[int, int], ...]:
    """Return (rows, normal rows) of the part to fit, the validation part and the held-out part."""
    train = int(rows * 0.75)
    fit = int(train * 0.75)
    sizes = (fit, train - fit, rows - train)
    return tuple(
        (size, round(size * share)) for size, share in zip(sizes, NORMAL_SHARES, strict=True)
    )
