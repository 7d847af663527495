from .access_log import AccessLog as AccessLog, read_log as read_log
from .class_files import (
    read_class_files as read_class_files,
)
from .formats import (
    LOG_FORMATS as LOG_FORMATS,
    LogFormat as LogFormat,
    check_format as check_format,
)
from .frame import IN_MEMORY as IN_MEMORY, as_frame as as_frame
from .keys import split_keys as split_keys
from .labels import LABEL_WORDS as LABEL_WORDS
from .open_rows import source_name as source_name
from .texts import Texts as Texts
from .values import request_values as request_values
