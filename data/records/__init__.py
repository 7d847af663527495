"""All that is done to one record before a model sees it; an export takes these files along.

They import the standard library, numpy and each other alone.
"""

from .characters import (
    MAX_LINE as MAX_LINE,
    NotText as NotText,
    RecordError as RecordError,
    check_characters as check_characters,
)
from .encoding import (
    GRID as GRID,
    MAX_LENGTH as MAX_LENGTH,
    Encoded as Encoded,
    Padding as Padding,
    Vocabulary as Vocabulary,
    code_points as code_points,
    encode as encode,
    padded_lengths as padded_lengths,
)
from .json_records import (
    DROPPED_KEYS as DROPPED_KEYS,
    LABEL_KEY as LABEL_KEY,
    MAX_DEPTH as MAX_DEPTH,
    clean as clean,
    dump_record as dump_record,
    load_record as load_record,
    value_at as value_at,
    without_keys as without_keys,
    without_label as without_label,
)
from .lines import (
    LINE_FORMATS as LINE_FORMATS,
    LineReader as LineReader,
    batches_of_lines as batches_of_lines,
)
from .preprocessing import (
    Answer as Answer,
    Preprocessing as Preprocessing,
    Preprocessor as Preprocessor,
    make_answer as make_answer,
)
from .row_layout import (
    RECORD_FORMATS as RECORD_FORMATS,
    RecordFormat as RecordFormat,
    RowLayout as RowLayout,
    canonical_label as canonical_label,
    join_cells as join_cells,
    split_lines as split_lines,
)
