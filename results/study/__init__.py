"""The study as the record of a run: every key that it holds is known here."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
