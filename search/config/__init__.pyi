from .arguments import in_python_words as in_python_words, make_config as make_config
from .budget import Budget as Budget, duration_text as duration_text, parse_budget as parse_budget
from .command_line import parse as parse
from .config_file import write_config as write_config
from .run_config import RunConfig as RunConfig
