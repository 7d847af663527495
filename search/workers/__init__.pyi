from .messages import (
    BaselineDone as BaselineDone,
    Doing as Doing,
    Progress as Progress,
    Repeat as Repeat,
    RepeatDone as RepeatDone,
    Search as Search,
    SearchDone as SearchDone,
    Task as Task,
    TrainBaseline as TrainBaseline,
)
from .pool import (
    Stage as Stage,
    Workers as Workers,
    WorkersDied as WorkersDied,
)
from .process import (
    Death as Death,
)
