from .columns import (
    PARTIAL as PARTIAL,
    p_cell as p_cell,
)
from .leaderboard import (
    add_run_argument as add_run_argument,
    build_leaderboard as build_leaderboard,
    find_run as find_run,
    main as main,
    open_run as open_run,
    save_leaderboard as save_leaderboard,
)
from .notes import (
    describe_export as describe_export,
    describe_selection as describe_selection,
)
from .ranking import (
    rank_results as rank_results,
)
from .row import (
    LINEAR as LINEAR,
    MODEL2 as MODEL2,
    Leaderboard as Leaderboard,
    Row as Row,
)
from .saved import (
    load_leaderboard as load_leaderboard,
)
from .table import (
    render_csv as render_csv,
    render_json as render_json,
    render_markdown as render_markdown,
    render_table as render_table,
)
from .wording import (
    format_p as format_p,
    format_share as format_share,
    printable as printable,
    title as title,
    verdict as verdict,
)
