from .drift import Drift as Drift
from .metrics import DriftCollector as DriftCollector
from .summary import Summary as Summary
from .training_profile import (
    PROFILE as PROFILE,
    TrainingProfile as TrainingProfile,
    load_profile as load_profile,
)
