"""The bytes of a file, a pipe or an archive as lines in UTF-8, whatever they hold."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
