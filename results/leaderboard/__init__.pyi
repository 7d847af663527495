from .columns import (
    COLUMNS as COLUMNS,
    SEED_COLUMNS as SEED_COLUMNS,
    Column as Column,
    Row as Row,
    escaped as escaped,
    format_share as format_share,
)
from .command import (
    add_run_argument as add_run_argument,
    build_leaderboard as build_leaderboard,
    find_run as find_run,
    latest_leaderboard as latest_leaderboard,
    main as main,
    open_run as open_run,
    save_leaderboard as save_leaderboard,
)
from .forms import (
    load_leaderboard as load_leaderboard,
    render_csv as render_csv,
    render_html as render_html,
    render_json as render_json,
    render_markdown as render_markdown,
    render_table as render_table,
)
from .leaderboard import (
    LINEAR as LINEAR,
    MODEL2 as MODEL2,
    Leaderboard as Leaderboard,
    to_frame as to_frame,
)
from .ranking import rank_results as rank_results
from .wording import (
    describe_export as describe_export,
    describe_known_texts as describe_known_texts,
    describe_selection as describe_selection,
    title as title,
    verdict as verdict,
)
