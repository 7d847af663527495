from .attacks import FAMILIES as FAMILIES, family as family
from .http_params import HTTP_PARAMS_ROWS as HTTP_PARAMS_ROWS, http_params_log as http_params_log
from .log_file import normal_rows as normal_rows, write_rows as write_rows
from .record import Recorder as Recorder
from .shop import Endpoint as Endpoint, Request as Request, Shop as Shop
