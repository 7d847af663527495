from .command import (
    EXIT_INTERRUPTED as EXIT_INTERRUPTED,
    Parser as Parser,
    byte_count as byte_count,
    join_names as join_names,
    prepare_gpu as prepare_gpu,
    printable as printable,
    run as run,
    split_names as split_names,
    start as start,
)
from .cores import count_cores as count_cores
from .errors import (
    UserError as UserError,
    first_line as first_line,
    raised_at as raised_at,
    write_failure as write_failure,
)
from .files import (
    new_file as new_file,
    new_folder as new_folder,
    sync as sync,
    sync_all as sync_all,
    write_text as write_text,
)
from .modules import import_name as import_name
from .options import (
    Declared as Declared,
    add_options as add_options,
    declared as declared,
    filled as filled,
    integer as integer,
    option as option,
    parse_given as parse_given,
    parse_value as parse_value,
    unknown_option as unknown_option,
)
from .passwords import HIDDEN as HIDDEN, hide_password as hide_password, is_secret as is_secret
from .progress import track as track
from .versions import installed_version as installed_version
