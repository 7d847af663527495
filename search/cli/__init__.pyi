from .load import (
    make_folder as make_folder,
)
from .progress import (
    View as View,
)
