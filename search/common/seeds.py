"""Seeds derived from one: independent for each purpose, the same for the same seed."""

import numpy as np

# Trials and baselines are derived by their number alone, and so by shorter paths. These do not end
# in 0, which numpy takes for the same path without it.
_REPEATS = 1
_PROPOSALS = 2
_REFIT = 3


def derive_seed(seed: int, *path: int) -> int:
    """Derive a seed.

    Args:
        seed: The run's seed.
        path: What it is for, e.g. a trial's number.

    Returns:
        A seed from 0 to 2**31 - 1.
    """
    sequence = np.random.SeedSequence([seed, *path])
    return int(sequence.generate_state(1)[0]) & 0x7FFF_FFFF


def repeat_seed(seed: int, index: int) -> int:
    """Derive the seed of a repeated training.

    Args:
        seed: What the first training's seed came from.
        index: Which repetition, from 1; 0 is the first training itself.

    Returns:
        A seed that no trial or baseline of the run has by construction.
    """
    return derive_seed(seed, _REPEATS, index) if index else seed


def refit_seed(seed: int) -> int:
    """Derive the seed of a refit, a training on all training rows.

    Args:
        seed: What the first training's seed came from.

    Returns:
        A seed that no other training of the run has by construction.
    """
    return derive_seed(seed, _REFIT, 1)


def proposal_seed(seed: int, place: int) -> int:
    """Derive the seed of a trial's proposal.

    Args:
        seed: The run's seed.
        place: The trial's place in the search.

    Returns:
        A seed that no training of the run has by construction.
    """
    return derive_seed(seed, _PROPOSALS, 1 + place)
