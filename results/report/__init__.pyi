from .command import main as main
from .report import write as write
