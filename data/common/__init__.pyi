from .command import (
    EXIT_INTERRUPTED as EXIT_INTERRUPTED,
    Parser as Parser,
    add_max_bytes as add_max_bytes,
    run as run,
)
from .errors import (
    UserError as UserError,
    first_line as first_line,
)
from .files import (
    new_file as new_file,
    new_folder as new_folder,
    sync as sync,
    sync_all as sync_all,
    write_text as write_text,
)
from .progress import (
    track as track,
)
from .redaction import (
    HIDDEN as HIDDEN,
    Redacting as Redacting,
    Secrets as Secrets,
    hidden as hidden,
    is_secret as is_secret,
    redact as redact,
)
