"""The space `open`: several families of architectures, without the assignment's rules."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
