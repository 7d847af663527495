"""What a command does before the imports that take it seconds."""

import signal

from data.common.redaction import hide_title


def start() -> None:
    """Take passwords out of what `ps` shows, and let Ctrl-C end the process without a traceback.

    `data.common.command.run` handles Ctrl-C from then on. Where it is ignored, as behind
    `nohup`, it stays so.
    """
    hide_title()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
