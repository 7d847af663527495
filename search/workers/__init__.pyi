from .fork_server import ForkServer as ForkServer
from .messages import Done as Done, Progress as Progress
from .pool import Stage as Stage, WorkerPool as WorkerPool, WorkersDied as WorkersDied
from .process import Death as Death
