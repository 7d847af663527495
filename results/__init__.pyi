from .leaderboard import (
    Leaderboard as Leaderboard,
    build_leaderboard as build_leaderboard,
    load_leaderboard as load_leaderboard,
)
from .run import Run as Run
from .serving import Predictor as Predictor, load as load
from .study import Result as Result, Store as Store
