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
from .lines import (
    Stopping as Stopping,
    batches_of_file as batches_of_file,
    batches_of_stream as batches_of_stream,
)
from .openapi import Limits as Limits
from .options import (
    add_runtime as add_runtime,
    add_space as add_space,
    register_space as register_space,
)
from .predictor import Predictor as Predictor, load as load, open_predictor as open_predictor
from .runtime import (
    load_model as load_model,
    own_layers as own_layers,
    space_option as space_option,
)
from .service import serve as serve
from .stream import Stream as Stream
