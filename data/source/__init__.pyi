from .decoding import (
    Utf8 as Utf8,
    check_encoding as check_encoding,
    describe_bad_row as describe_bad_row,
    encoding_name as encoding_name,
)
from .lines import (
    MAX_BYTES as MAX_BYTES,
    STDIN as STDIN,
    decode as decode,
    is_url as is_url,
    name_of as name_of,
    open_byte_lines as open_byte_lines,
    open_lines as open_lines,
    standard_input as standard_input,
)
from .recognize import explained as explained
