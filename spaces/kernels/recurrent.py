"""The kernels of the three recurrent layers: a chunk of rows through a layer, and back.

Gates are in Keras' order: update, reset, candidate in a GRU; input, forget, cell, output in an
LSTM. A GRU's reset gate is applied after the product (`reset_after=True`, Keras' default). Each
forward kernel runs the steps from `first` to before `last`, and each backward kernel brings
gradients back through them; `dgates` are those of these steps alone. `spaces.kernels.passes`
describes the arrays.

A loop over units writes to one array only: LLVM does not vectorize a loop if it would have to check
at run time that many arrays do not overlap. Views are made once a step and not once a row, since
Numba counts the references to each view with an atomic operation, and for 64 units that takes as
long as their arithmetic.
"""

import numpy as np

from spaces.kernels.steps import (
    activate,
    f32,
    flushed,
    keep_output,
    kernel,
    read_inputs,
    read_state,
    return_to_inputs,
    return_to_state,
    sigmoid,
    slope,
    take_gradient,
    tanh,
)


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
