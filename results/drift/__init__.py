"""How far what a model scores is from the rows that it was trained on."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
