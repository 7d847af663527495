"""What a trial can be, and who proposes it: spaces, starting points, samplers, pruners."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
