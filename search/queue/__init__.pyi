from .claims import (
    claim_trial as claim_trial,
    retry_trial as retry_trial,
)
from .monitor import (
    REFUSED as REFUSED,
    QueueMonitor as QueueMonitor,
    TooManyFailures as TooManyFailures,
    are_too_many as are_too_many,
    is_refused as is_refused,
)
from .stale_trials import (
    describe_exit as describe_exit,
    is_lost as is_lost,
    worker_name as worker_name,
)
from .trial_queue import (
    AskedTrial as AskedTrial,
    TrialQueue as TrialQueue,
)
