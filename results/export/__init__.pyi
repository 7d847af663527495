from .export import (
    export_trial as export_trial,
    main as main,
)
