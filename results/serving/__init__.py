"""Predictions from an exported model: lines, streams and HTTP."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
