from .access_log import (
    DROPPED_KEYS as DROPPED_KEYS,
    AccessLog as AccessLog,
    clean as clean,
    parse_line as parse_line,
)
from .formats import (
    FORMATS as FORMATS,
)
from .records import (
    dump as dump,
    load as load,
)
from .source import (
    MAX_BYTES as MAX_BYTES,
    MAX_LINE as MAX_LINE,
    STDIN as STDIN,
    name_of as name_of,
    open_lines as open_lines,
    standard_input as standard_input,
)
from .texts import (
    Texts as Texts,
    decode as decode,
)
