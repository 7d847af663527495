"""What all commands and packages share: the command line, errors, whole files, progress."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
