"""How the kernels are compiled, and the small functions that all of them use."""

from typing import Any

import numba
import numpy as np

f32 = np.float32

# Everything that may reorder a sum, and nothing that may lose a nan: a diverged training must
# show itself.
_REORDERING = {"contract", "reassoc", "nsz", "arcp"}

kernel = numba.njit(cache=True, nogil=True, fastmath=_REORDERING, error_model="numpy")
inlined = numba.njit(cache=True, nogil=True, fastmath=_REORDERING, inline="always")


@inlined
def tanh(x: Any) -> Any:
    """Return tanh to within 4e-7, without a branch, so that loops over it vectorise.

    The rational approximation and its coefficients are those of Eigen's `ptanh_float`
    (MathFunctionsImpl.h), which TensorFlow uses too.
    """
    x = f32(-7.90531110763549805) if x < f32(-7.90531110763549805) else x
    x = f32(7.90531110763549805) if x > f32(7.90531110763549805) else x
    s = x * x
    p = s * f32(-2.76076847742355e-16) + f32(2.00018790482477e-13)
    p = s * p + f32(-8.60467152213735e-11)
    p = s * p + f32(5.12229709037114e-08)
    p = s * p + f32(1.48572235717979e-05)
    p = s * p + f32(6.37261928875436e-04)
    p = s * p + f32(4.89352455891786e-03)
    q = s * f32(1.19825839466702e-06) + f32(1.18534705686654e-04)
    q = s * q + f32(2.26843463243900e-03)
    q = s * q + f32(4.89352518554385e-03)
    return x * p / q


@inlined
def sigmoid(x: Any) -> Any:
    """Return the logistic function by way of tanh."""
    return f32(0.5) + f32(0.5) * tanh(f32(0.5) * x)


@inlined
def activate(x: Any, relu: bool) -> Any:
    """Return relu(x) or tanh(x)."""
    if relu:
        return f32(0.0) if x < f32(0.0) else x
    return tanh(x)


@inlined
def slope(y: Any, relu: bool) -> Any:
    """Return the derivative of the activation where it gave y."""
    if relu:
        return f32(1.0) if y > f32(0.0) else f32(0.0)
    return f32(1.0) - y * y


@inlined
def flushed(gradient: Any) -> Any:
    """Return 0 for a gradient that has vanished: arithmetic on denormal numbers is very slow."""
    return f32(0.0) if abs(gradient) < f32(1e-25) else gradient
