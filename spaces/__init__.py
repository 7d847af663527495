"""What can be trained: the fixed baselines, the Model 3 search space, and the brief's rules."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
