"""What can be trained: the fixed baselines, Model 3's search space, and the assignment's rules."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
