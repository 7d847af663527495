"""How the kernels are compiled, and what one step of every recurrent layer does, and its way back.

At a step the first n rows of a chunk are at work; N is the sum of n over all steps, so that
`block = offset + row` numbers every pair of a step and a row that is computed. G is the number of
gates (1, 3 or 4), H the units, E the width of an input. Arrays are float32 unless another type is
given:

    x [rows, steps, E]          inputs; not read if there are ids
    ids int32 [rows, steps]     characters, or [rows, 0]
    weights [E, G * H]          input kernel; weights_t is transposed
    table [num_words, G * H]    what each character adds to the gates, bias included
    masks [G, rows, H]          dropout masks of the state, one a gate; G = 0 for none
    recurrent [1, H, G * H]     recurrent kernel; with masks by gate, [G, H, H]; in recurrent_t each
                                matrix is transposed
    out [rows, steps, H]        the state after each step; [0, steps, H] if only the last is wanted
    dx, dtable, dh, ...         gradients, shaped as x, table and the state
    scratch, part               room for intermediate results
"""

import numba
import numpy as np

f32 = np.float32

# Everything that may reorder a sum, and nothing that may lose a nan: a diverged training must
# show itself.
_REORDERING = {"contract", "reassoc", "nsz", "arcp"}

kernel = numba.njit(cache=True, nogil=True, fastmath=_REORDERING, error_model="numpy")
inlined = numba.njit(cache=True, nogil=True, fastmath=_REORDERING, inline="always")


@inlined
def tanh(x):
    """Return tanh to within 4e-7, without a branch, so that loops over it vectorize.

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
def sigmoid(x):
    """Return the logistic function by way of tanh."""
    return f32(0.5) + f32(0.5) * tanh(f32(0.5) * x)


@inlined
def activate(x, relu):
    """Return relu(x) or tanh(x)."""
    if relu:
        return f32(0.0) if x < f32(0.0) else x
    return tanh(x)


@inlined
def slope(y, relu):
    """Return the derivative of the activation whose value is y."""
    if relu:
        return f32(1.0) if y > f32(0.0) else f32(0.0)
    return f32(1.0) - y * y


@inlined
def flushed(gradient):
    """Return 0 for a gradient that has vanished: arithmetic on denormal numbers is very slow."""
    return f32(0.0) if abs(gradient) < f32(1e-25) else gradient


@kernel
def read_inputs(x, ids, weights, table, bias, step, block, n, out):
    """Fill `out` [n, G * H] with what a step's inputs add to the gates; keep x in `block`."""
    if ids.shape[1]:
        for row in range(n):
            word = ids[row, step]
            for j in range(out.shape[1]):
                out[row, j] = table[word, j]
        return
    for row in range(n):
        for j in range(block.shape[1]):
            block[row, j] = x[row, step, j]
    np.dot(block, weights, out)
    for row in range(n):
        for j in range(out.shape[1]):
            out[row, j] += bias[j]


@kernel
def return_to_inputs(gradient, ids, weights_t, step, n, scratch, dx, dtable):
    """Bring the gates' gradient [n, G * H] of a step to `dx`, and add it to `dtable` by id."""
    if ids.shape[1]:
        for row in range(n):
            word = ids[row, step]
            for j in range(dtable.shape[1]):
                dtable[word, j] += gradient[row, j]
    np.dot(gradient, weights_t, scratch[:n])
    for row in range(n):
        for j in range(dx.shape[2]):
            dx[row, step, j] = scratch[row, j]


@kernel
def read_state(state, recurrent, masks, n, scratch, part, out):
    """Fill `out` [n, G * H] with the state [n, H] times the recurrent kernel."""
    if masks.shape[0] == 0:
        np.dot(state, recurrent[0], out)
        return
    units = state.shape[1]
    for gate in range(masks.shape[0]):
        for row in range(n):
            for j in range(units):
                scratch[row, j] = state[row, j] * masks[gate, row, j]
        np.dot(scratch[:n], recurrent[gate], part[:n])
        for row in range(n):
            for j in range(units):
                out[row, gate * units + j] = part[row, j]


@kernel
def return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh):
    """Fill the first n rows of `dh` with the gates' gradient [n, G * H], brought to the state."""
    if masks.shape[0] == 0:
        np.dot(gradient, recurrent_t[0], dh[:n])
        return
    units = dh.shape[1]
    dh[:n] = f32(0.0)
    for gate in range(masks.shape[0]):
        for row in range(n):
            for j in range(units):
                scratch[row, j] = gradient[row, gate * units + j]
        np.dot(scratch[:n], recurrent_t[gate], part[:n])
        for row in range(n):
            for j in range(units):
                dh[row, j] += part[row, j] * masks[gate, row, j]


@kernel
def keep_output(states, step, n, out):
    """Keep the states [n, H] after a step in `out`, if sequences are returned."""
    if out.shape[0]:
        for row in range(n):
            for j in range(out.shape[2]):
                out[row, step, j] = states[row, j]


@kernel
def take_gradient(given, step, n, gradient):
    """Add the gradient that comes to a step from outside, [rows, steps, H] or none, [0, ...]."""
    if given.shape[0]:
        for row in range(n):
            for j in range(gradient.shape[1]):
                gradient[row, j] += given[row, step, j]


@kernel
def weigh_recurrent(states, gradients, masks, rows_of, out):
    """Fill `out` [H, G * H] with the recurrent kernel's gradient over all steps, in one product.

    Of the states before each step [N, H] and the gates' gradients [N, G * H]; `rows_of` is the row
    of each block, int64 [N].
    """
    if masks.shape[0] == 0:
        np.dot(states.T, gradients, out)
        return
    blocks, units = states.shape
    masked = np.empty((blocks, units), f32)
    part = np.empty((blocks, units), f32)
    product = np.empty((units, units), f32)
    for gate in range(masks.shape[0]):
        for block in range(blocks):
            row = rows_of[block]
            for j in range(units):
                masked[block, j] = states[block, j] * masks[gate, row, j]
                part[block, j] = gradients[block, gate * units + j]
        np.dot(masked.T, part, product)
        out[:, gate * units : (gate + 1) * units] = product
