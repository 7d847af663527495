"""All that numba compiles: the recurrent layers, step by step and back, and convolutions of ids.

It is one file, since numba keeps what it has compiled until the file of that very function changes.

Gates are in Keras' order: update, reset, candidate in a GRU; input, forget, cell, output in an
LSTM. A GRU's reset gate is applied after the product (`reset_after=True`, Keras' default). Each
forward kernel runs the steps from `first` to before `last`, and each backward kernel brings
gradients back through them; `dgates` are those of these steps alone.

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
    counts, offsets, ...        as `spaces.kernels.passes` has them

A loop over units writes to one array only: LLVM does not vectorize a loop if it would have to check
at run time that many arrays do not overlap. Views are made once a step and not once a row, since
Numba counts the references to each view with an atomic operation, and for 64 units that takes as
long as their arithmetic.
"""

from functools import partial

import numba
import numpy as np

f32 = np.float32

# Everything that may reorder a sum, and nothing that may lose a nan: a diverged training must
# show itself.
_REORDERING = {"contract", "reassoc", "nsz", "arcp"}


def _compiled(function, **options):
    options |= {"nogil": True, "fastmath": _REORDERING}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # No cache folder is writable: each process compiles for itself.
        return numba.njit(**options)(function)


kernel = partial(_compiled, error_model="numpy")
inlined = partial(_compiled, inline="always")


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


# ---- the layers ----------------------------------------------------------------------------------


@kernel
def rnn_forward(
    x, ids, weights, table, bias, recurrent, recurrent_bias, masks, relu, reverse, first, last,
    counts, offsets, inputs, gates, inner, states, cells, out,
):  # fmt: skip
    """Run a SimpleRNN."""
    rows, units = counts[-1], states.shape[1]
    steps = counts.shape[0]
    z = np.empty((rows, units), f32)
    m = np.empty((rows, units), f32)
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    for t in range(first, last):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        step = steps - 1 - t if reverse else t
        read_inputs(x, ids, weights, table, bias, step, inputs[a : a + n], n, z[:n])
        read_state(states[a : a + n], recurrent, masks, n, scratch, part, m[:n])
        h_new = states[b : b + n]
        for row in range(n):
            for j in range(units):
                h_new[row, j] = activate(z[row, j] + m[row, j], relu)
        keep_output(states[b : b + n], t, n, out)


@kernel
def rnn_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, first, last, counts, offsets, gates, inner,
    states, cells, dout, dcells, dh, dc, dgates, dx, dtable,
):  # fmt: skip
    """Bring gradients back through a SimpleRNN."""
    rows, units = dh.shape
    steps = counts.shape[0]
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    wide = np.empty((rows, dx.shape[2]), f32)
    base = offsets[first]
    for t in range(last - 1, first - 1, -1):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        gradient, h_new = dgates[a - base : a - base + n], states[b : b + n]
        for row in range(n):
            for j in range(units):
                gradient[row, j] = flushed(dh[row, j]) * slope(h_new[row, j], relu)
        return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh)
        return_to_inputs(gradient, ids, weights_t, step, n, wide, dx, dtable)


@kernel
def gru_forward(
    x, ids, weights, table, bias, recurrent, recurrent_bias, masks, relu, reverse, first, last,
    counts, offsets, inputs, gates, inner, states, cells, out,
):  # fmt: skip
    """Run a GRU."""
    rows, units = counts[-1], states.shape[1]
    steps = counts.shape[0]
    z = np.empty((rows, 3, units), f32)
    m = np.empty((rows, 3, units), f32)
    bias_by_gate = recurrent_bias.reshape(3, units)
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    for t in range(first, last):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        step = steps - 1 - t if reverse else t
        wide = (n, 3 * units)
        read_inputs(x, ids, weights, table, bias, step, inputs[a : a + n], n, z[:n].reshape(wide))
        read_state(states[a : a + n], recurrent, masks, n, scratch, part, m[:n].reshape(wide))
        g, q = gates[a : a + n].reshape(n, 3, units), inner[a : a + n]
        h, h_new = states[a : a + n], states[b : b + n]
        for row in range(n):
            for gate in range(2):
                for j in range(units):
                    g[row, gate, j] = sigmoid(
                        z[row, gate, j] + m[row, gate, j] + bias_by_gate[gate, j]
                    )
            for j in range(units):
                q[row, j] = m[row, 2, j] + bias_by_gate[2, j]
            for j in range(units):
                g[row, 2, j] = tanh(z[row, 2, j] + g[row, 1, j] * q[row, j])
            for j in range(units):
                u = g[row, 0, j]
                h_new[row, j] = u * h[row, j] + (f32(1.0) - u) * g[row, 2, j]
        keep_output(states[b : b + n], t, n, out)


@kernel
def gru_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, first, last, counts, offsets, gates, inner,
    states, cells, dout, dcells, dh, dc, dgates, dx, dtable,
):  # fmt: skip
    """Bring gradients back through a GRU.

    `gates` is overwritten by the gradients of the input's share, and `dgates` filled by those of
    the state's share: they differ in the candidate.
    """
    rows, units = dh.shape
    steps = counts.shape[0]
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    kept = np.empty((rows, units), f32)
    wide = np.empty((rows, dx.shape[2]), f32)
    base = offsets[first]
    for t in range(last - 1, first - 1, -1):
        n, a = counts[t], offsets[t]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        # g's and d's gates: update u, reset r, candidate k; of g, gradients replace them, the
        # candidate's first.
        g, q, h = gates[a : a + n].reshape(n, 3, units), inner[a : a + n], states[a : a + n]
        gradient = dgates[a - base : a - base + n]
        d = gradient.reshape(n, 3, units)
        for row in range(n):
            for j in range(units):
                dh[row, j] = flushed(dh[row, j])
            for j in range(units):
                kept[row, j] = dh[row, j] * g[row, 0, j]
            for j in range(units):
                u = g[row, 0, j]
                d[row, 0, j] = dh[row, j] * (h[row, j] - g[row, 2, j]) * u * (f32(1.0) - u)
            for j in range(units):
                k = g[row, 2, j]
                g[row, 2, j] = dh[row, j] * (f32(1.0) - g[row, 0, j]) * (f32(1.0) - k * k)
            for j in range(units):
                r = g[row, 1, j]
                d[row, 1, j] = g[row, 2, j] * q[row, j] * r * (f32(1.0) - r)
            for j in range(units):
                d[row, 2, j] = g[row, 2, j] * g[row, 1, j]
            for gate in range(2):
                for j in range(units):
                    g[row, gate, j] = d[row, gate, j]
        return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh)
        for row in range(n):
            for j in range(units):
                dh[row, j] += kept[row, j]
        return_to_inputs(gates[a : a + n], ids, weights_t, step, n, wide, dx, dtable)


@kernel
def lstm_forward(
    x, ids, weights, table, bias, recurrent, recurrent_bias, masks, relu, reverse, first, last,
    counts, offsets, inputs, gates, inner, states, cells, out,
):  # fmt: skip
    """Run an LSTM."""
    rows, units = counts[-1], states.shape[1]
    steps = counts.shape[0]
    z = np.empty((rows, 4, units), f32)
    m = np.empty((rows, 4, units), f32)
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    for t in range(first, last):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        step = steps - 1 - t if reverse else t
        wide = (n, 4 * units)
        read_inputs(x, ids, weights, table, bias, step, inputs[a : a + n], n, z[:n].reshape(wide))
        read_state(states[a : a + n], recurrent, masks, n, scratch, part, m[:n].reshape(wide))
        g = gates[a : a + n].reshape(n, 4, units)  # input, forget, cell, output
        c, c_new, h_new = cells[a : a + n], cells[b : b + n], states[b : b + n]
        for row in range(n):
            for gate in (0, 1, 3):
                for j in range(units):
                    g[row, gate, j] = sigmoid(z[row, gate, j] + m[row, gate, j])
            for j in range(units):
                g[row, 2, j] = activate(z[row, 2, j] + m[row, 2, j], relu)
            for j in range(units):
                c_new[row, j] = g[row, 1, j] * c[row, j] + g[row, 0, j] * g[row, 2, j]
            for j in range(units):
                h_new[row, j] = g[row, 3, j] * activate(c_new[row, j], relu)
        keep_output(states[b : b + n], t, n, out)


@kernel
def lstm_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, first, last, counts, offsets, gates, inner,
    states, cells, dout, dcells, dh, dc, dgates, dx, dtable,
):  # fmt: skip
    """Bring gradients back through an LSTM."""
    rows, units = dh.shape
    steps = counts.shape[0]
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    wide = np.empty((rows, dx.shape[2]), f32)
    y = np.empty(units, f32)
    base = offsets[first]
    for t in range(last - 1, first - 1, -1):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        take_gradient(dcells, t, n, dc)
        gradient = dgates[a - base : a - base + n]
        # input i, forget f, cell k, output o
        g, d = gates[a : a + n].reshape(n, 4, units), gradient.reshape(n, 4, units)
        c, c_new = cells[a : a + n], cells[b : b + n]
        for row in range(n):
            for j in range(units):
                y[j] = activate(c_new[row, j], relu)
            for j in range(units):
                dh[row, j] = flushed(dh[row, j])
            for j in range(units):
                dc[row, j] = flushed(dc[row, j] + dh[row, j] * g[row, 3, j] * slope(y[j], relu))
            for j in range(units):
                i = g[row, 0, j]
                d[row, 0, j] = dc[row, j] * g[row, 2, j] * i * (f32(1.0) - i)
            for j in range(units):
                f = g[row, 1, j]
                d[row, 1, j] = dc[row, j] * c[row, j] * f * (f32(1.0) - f)
            for j in range(units):
                d[row, 2, j] = dc[row, j] * g[row, 0, j] * slope(g[row, 2, j], relu)
            for j in range(units):
                o = g[row, 3, j]
                d[row, 3, j] = dh[row, j] * y[j] * o * (f32(1.0) - o)
            for j in range(units):
                dc[row, j] *= g[row, 1, j]
        return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh)
        return_to_inputs(gradient, ids, weights_t, step, n, wide, dx, dtable)


# ---- convolutions of ids -------------------------------------------------------------------------


@kernel
def add_tables(ids, tables, bias, out):
    """Convolve rows, padded with zeros so that their length stays ("same").

    `tables` [places, num_words, filters] hold what each id adds at each place of the kernel.
    """
    rows, steps = ids.shape
    places, _, filters = tables.shape
    left = (places - 1) // 2
    for row in range(rows):
        for step in range(steps):
            target = out[row, step]
            for j in range(filters):
                target[j] = bias[j]
            for place in range(max(0, left - step), min(places, steps + left - step)):
                added = tables[place, ids[row, step + place - left]]
                for j in range(filters):
                    target[j] += added[j]
