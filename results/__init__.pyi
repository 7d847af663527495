from .leaderboard import (
    Leaderboard as Leaderboard,
    build_leaderboard as build_leaderboard,
    load_leaderboard as load_leaderboard,
)
from .study import (
    Result as Result,
    Store as Store,
)
