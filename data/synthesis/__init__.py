"""What the synthetic log is made of: a shop's requests, people's values, attacks, records."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
