"""Worker processes: the pool, its messages, and the worker itself."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
