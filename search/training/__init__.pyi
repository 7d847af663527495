from .baselines import (
    Cache as Cache,
)
from .callbacks import (
    load_callbacks as load_callbacks,
)
from .fit import (
    Recipe as Recipe,
)
from .job import (
    Interrupted as Interrupted,
    Job as Job,
    within as within,
)
from .trial import (
    StudyTuner as StudyTuner,
)
