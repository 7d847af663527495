from .accelerate import accelerated as accelerated
from .operations import forget_gradients as forget_gradients
from .resources import one_blas_thread as one_blas_thread
