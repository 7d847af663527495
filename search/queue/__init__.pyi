from .claims import (
    claim_trial as claim_trial,
    retry_trial as retry_trial,
)
from .failures import (
    REFUSED as REFUSED,
    TooManyFailures as TooManyFailures,
    are_too_many as are_too_many,
    failure_problem as failure_problem,
    is_refused as is_refused,
)
from .monitor import (
    QueueMonitor as QueueMonitor,
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
