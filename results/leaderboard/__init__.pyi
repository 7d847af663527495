from .columns import (
    PARTIAL as PARTIAL,
    p_cell as p_cell,
)
from .leaderboard import (
    add_run as add_run,
    from_store as from_store,
    main as main,
    opened as opened,
    write as write,
)
from .notes import (
    chosen as chosen,
    exported as exported,
)
from .row import (
    LINEAR as LINEAR,
    MODEL2 as MODEL2,
    Leaderboard as Leaderboard,
    Row as Row,
)
from .verdict import (
    p_figure as p_figure,
    plain as plain,
    share as share,
    title as title,
)
