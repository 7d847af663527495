"""The kernels of the three recurrent layers: a chunk of rows through a layer, and back.

Gates are in Keras' order: update, reset, candidate in a GRU; input, forget, cell, output in an
LSTM. A GRU's reset gate is applied after the product (`reset_after=True`, Keras' default). Each
forward kernel runs the steps from `first` to before `last`; each backward kernel brings gradients
back through all steps. `spaces.kernels.passes` describes the arrays.

A loop over units writes to one array only: LLVM does not vectorize a loop if it would have to check
at run time that many arrays do not overlap.
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
        for row in range(n):
            h_new, zr, mr = states[b + row], z[row], m[row]
            for j in range(units):
                h_new[j] = activate(zr[j] + mr[j], relu)
        keep_output(states[b : b + n], t, n, out)


@kernel
def rnn_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, counts, offsets, gates, inner, states, cells,
    dout, dcells, dh, dc, dgates, dx, dtable,
):  # fmt: skip
    """Bring gradients back through a SimpleRNN."""
    rows, units = dh.shape
    steps = counts.shape[0]
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    wide = np.empty((rows, dx.shape[2]), f32)
    for t in range(steps - 1, -1, -1):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        for row in range(n):
            d, h_new, dhr = dgates[a + row], states[b + row], dh[row]
            for j in range(units):
                d[j] = flushed(dhr[j]) * slope(h_new[j], relu)
        gradient = dgates[a : a + n]
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
    z = np.empty((rows, 3 * units), f32)
    m = np.empty((rows, 3 * units), f32)
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    for t in range(first, last):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        step = steps - 1 - t if reverse else t
        read_inputs(x, ids, weights, table, bias, step, inputs[a : a + n], n, z[:n])
        read_state(states[a : a + n], recurrent, masks, n, scratch, part, m[:n])
        for row in range(n):
            g, q, zr, mr = gates[a + row], inner[a + row], z[row], m[row]
            h, h_new = states[a + row], states[b + row]
            for j in range(2 * units):
                g[j] = sigmoid(zr[j] + mr[j] + recurrent_bias[j])
            z_k, m_k, bias_k = zr[2 * units :], mr[2 * units :], recurrent_bias[2 * units :]
            u, r, k = g[:units], g[units : 2 * units], g[2 * units :]
            for j in range(units):
                q[j] = m_k[j] + bias_k[j]
            for j in range(units):
                k[j] = tanh(z_k[j] + r[j] * q[j])
            for j in range(units):
                h_new[j] = u[j] * h[j] + (f32(1.0) - u[j]) * k[j]
        keep_output(states[b : b + n], t, n, out)


@kernel
def gru_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, counts, offsets, gates, inner, states, cells,
    dout, dcells, dh, dc, dgates, dx, dtable,
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
    for t in range(steps - 1, -1, -1):
        n, a = counts[t], offsets[t]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        for row in range(n):
            g, q, h = gates[a + row], inner[a + row], states[a + row]
            d, dhr = dgates[a + row], dh[row]
            u, r, k = g[:units], g[units : 2 * units], g[2 * units :]
            du, dr, dk = d[:units], d[units : 2 * units], d[2 * units :]
            kept_row = kept[row]
            for j in range(units):
                dhr[j] = flushed(dhr[j])
            for j in range(units):
                kept_row[j] = dhr[j] * u[j]
            for j in range(units):
                du[j] = dhr[j] * (h[j] - k[j]) * u[j] * (f32(1.0) - u[j])
            # The candidate's gradient replaces the candidate, and so on with each gate.
            for j in range(units):
                k[j] = dhr[j] * (f32(1.0) - u[j]) * (f32(1.0) - k[j] * k[j])
            for j in range(units):
                dr[j] = k[j] * q[j] * r[j] * (f32(1.0) - r[j])
            for j in range(units):
                dk[j] = k[j] * r[j]
            for j in range(units):
                u[j] = du[j]
            for j in range(units):
                r[j] = dr[j]
        return_to_state(dgates[a : a + n], recurrent_t, masks, n, scratch, part, dh)
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
    z = np.empty((rows, 4 * units), f32)
    m = np.empty((rows, 4 * units), f32)
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    for t in range(first, last):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        step = steps - 1 - t if reverse else t
        read_inputs(x, ids, weights, table, bias, step, inputs[a : a + n], n, z[:n])
        read_state(states[a : a + n], recurrent, masks, n, scratch, part, m[:n])
        for row in range(n):
            g, zr, mr = gates[a + row], z[row], m[row]
            c, c_new, h_new = cells[a + row], cells[b + row], states[b + row]
            for j in range(2 * units):
                g[j] = sigmoid(zr[j] + mr[j])
            for j in range(2 * units, 3 * units):
                g[j] = activate(zr[j] + mr[j], relu)
            for j in range(3 * units, 4 * units):
                g[j] = sigmoid(zr[j] + mr[j])
            i, f, k, o = g[:units], g[units : 2 * units], g[2 * units : 3 * units], g[3 * units :]
            for j in range(units):
                c_new[j] = f[j] * c[j] + i[j] * k[j]
            for j in range(units):
                h_new[j] = o[j] * activate(c_new[j], relu)
        keep_output(states[b : b + n], t, n, out)


@kernel
def lstm_backward(
    ids, weights_t, recurrent_t, masks, relu, reverse, counts, offsets, gates, inner, states, cells,
    dout, dcells, dh, dc, dgates, dx, dtable,
):  # fmt: skip
    """Bring gradients back through an LSTM."""
    rows, units = dh.shape
    steps = counts.shape[0]
    scratch = np.empty((rows, units), f32)
    part = np.empty((rows, units), f32)
    wide = np.empty((rows, dx.shape[2]), f32)
    y = np.empty(units, f32)
    for t in range(steps - 1, -1, -1):
        n, a, b = counts[t], offsets[t], offsets[t + 1]
        if n == 0:
            break
        step = steps - 1 - t if reverse else t
        take_gradient(dout, t, n, dh)
        take_gradient(dcells, t, n, dc)
        for row in range(n):
            g, c, c_new = gates[a + row], cells[a + row], cells[b + row]
            i, f, k, o = g[:units], g[units : 2 * units], g[2 * units : 3 * units], g[3 * units :]
            d, dhr, dcr = dgates[a + row], dh[row], dc[row]
            di, df, dk, do = (
                d[:units],
                d[units : 2 * units],
                d[2 * units : 3 * units],
                d[3 * units :],
            )
            for j in range(units):
                y[j] = activate(c_new[j], relu)
            for j in range(units):
                dhr[j] = flushed(dhr[j])
            for j in range(units):
                dcr[j] = flushed(dcr[j] + dhr[j] * o[j] * slope(y[j], relu))
            for j in range(units):
                di[j] = dcr[j] * k[j] * i[j] * (f32(1.0) - i[j])
            for j in range(units):
                df[j] = dcr[j] * c[j] * f[j] * (f32(1.0) - f[j])
            for j in range(units):
                dk[j] = dcr[j] * i[j] * slope(k[j], relu)
            for j in range(units):
                do[j] = dhr[j] * y[j] * o[j] * (f32(1.0) - o[j])
            for j in range(units):
                dcr[j] *= f[j]
        gradient = dgates[a : a + n]
        return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh)
        return_to_inputs(gradient, ids, weights_t, step, n, wide, dx, dtable)
