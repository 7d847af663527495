from .explain import explain_run as explain_run
from .finish import finish_run as finish_run
from .load import load_dataset as load_dataset, make_folder as make_folder
from .progress import View as View
from .rates import BASELINE_RATES as BASELINE_RATES
