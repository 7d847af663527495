from .accelerate import (
    accelerated as accelerated,
)
from .blas import (
    one_blas_thread as one_blas_thread,
)
from .gradients import (
    forget_gradients as forget_gradients,
)
