from .custom_objects import (
    add_space as add_space,
    register as register,
)
from .exported import (
    METRICS as METRICS,
    MODEL as MODEL,
    PREPROCESSING as PREPROCESSING,
    PROTOCOL as PROTOCOL,
    VERSIONS as VERSIONS,
    VOCABULARY as VOCABULARY,
    Export as Export,
    Preprocessing as Preprocessing,
    load_export as load_export,
)
from .feed import (
    batches_of_file as batches_of_file,
    batches_of_stream as batches_of_stream,
)
from .keras_model import (
    load_model as load_model,
)
from .keras_names import (
    CONFIG as CONFIG,
    MEMBERS as MEMBERS,
)
from .manifest import (
    MANIFEST as MANIFEST,
    files as files,
    manifest_files as manifest_files,
)
from .predictor import (
    Predictor as Predictor,
    side_by_side as side_by_side,
)
from .service import (
    Limits as Limits,
)
from .stream import (
    Stream as Stream,
)
