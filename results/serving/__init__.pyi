from .export_folder import (
    MANIFEST as MANIFEST,
    METRICS as METRICS,
    MODEL as MODEL,
    ONNX_MODEL as ONNX_MODEL,
    PREPROCESSING as PREPROCESSING,
    PROTOCOL as PROTOCOL,
    VERSIONS as VERSIONS,
    VOCABULARY as VOCABULARY,
    Export as Export,
    list_files as list_files,
    load_export as load_export,
    make_manifest as make_manifest,
    manifest_files as manifest_files,
)
from .keras_model import (
    load_model as load_model,
)
from .options import (
    add_runtime as add_runtime,
    add_space as add_space,
    register_space as register_space,
)
from .predictor import (
    Predictor as Predictor,
    load as load,
    open_predictor as open_predictor,
)
from .service import (
    Limits as Limits,
    serve as serve,
)
from .stopping import (
    Stopping as Stopping,
)
from .stream import (
    Stream as Stream,
    batches_of_file as batches_of_file,
    batches_of_stream as batches_of_stream,
)
from .summary import (
    Summary as Summary,
)
from .training_profile import (
    PROFILE as PROFILE,
    TrainingProfile as TrainingProfile,
)
