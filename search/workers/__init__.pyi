from .messages import Done as Done, Progress as Progress
from .pool import Stage as Stage, WorkerPool as WorkerPool, WorkersDied as WorkersDied
from .process import Death as Death
from .starting import import_early as import_early
