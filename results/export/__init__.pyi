from .command import export_run as export_run, main as main
from .conversion import Sample as Sample
from .export import export_trial as export_trial, write_export as write_export
from .formats import onnx_bytes as onnx_bytes, parse_formats as parse_formats
from .onnx.model import translate as translate
