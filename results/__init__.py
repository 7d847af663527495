"""What came out: the study, the leaderboard, the exported winner and its predictions."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
