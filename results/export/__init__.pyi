from .command import (
    main as main,
)
from .conversion import (
    Sample as Sample,
)
from .export import (
    export_trial as export_trial,
    write_export as write_export,
)
from .formats import (
    onnx_bytes as onnx_bytes,
)
from .onnx.model import (
    translate as translate,
)
