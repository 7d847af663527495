"""Seeds derived from one: independent for each purpose, the same for the same seed."""

import numpy as np


def derive(seed: int, *path: int) -> int:
    """Derive a seed.

    Args:
        seed: The run's seed.
        path: What it is for, e.g. a trial's number.

    Returns:
        A seed from 0 to 2**31 - 1.
    """
    sequence = np.random.SeedSequence([seed, *path])
    return int(sequence.generate_state(1)[0]) & 0x7FFF_FFFF
