from .report import (
    main as main,
    write as write,
)
