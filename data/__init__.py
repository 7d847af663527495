"""Access logs in, encoded records and their split out; knows nothing of the other packages."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
