from .common import UserError as UserError
from .dataset import DataCard as DataCard, Dataset as Dataset, prepare as prepare
from .options import DataOptions as DataOptions
from .reading import AccessLog as AccessLog, read_log as read_log
