"""Seeds derived from one: independent for each purpose, the same for the same seed."""

import numpy as np

# Trials and baselines are derived by their number alone, and so by shorter paths. These do not end
# in 0, which numpy takes for the same path without it.
_REPEATS = 1
_PROPOSALS = 2
_REFIT = 3


def derive_seed(seed: int, *path: int) -> int:
    """Derive a seed from 0 to 2**31 - 1 for what the path names, e.g. a trial's number."""
    sequence = np.random.SeedSequence([seed, *path])
    return int(sequence.generate_state(1)[0]) & 0x7FFF_FFFF


def repeat_seed(seed: int, index: int) -> int:
    """Derive the seed of a repeated training, from 1 on; 0 is the first training itself."""
    return derive_seed(seed, _REPEATS, index) if index else seed


def refit_seed(seed: int) -> int:
    """Derive the seed of a refit, a training on all training rows, from the first training's."""
    return derive_seed(seed, _REFIT, 1)


def proposal_seed(seed: int, index: int) -> int:
    """Derive the seed of a trial's proposal from the run's and the trial's index."""
    return derive_seed(seed, _PROPOSALS, 1 + index)
