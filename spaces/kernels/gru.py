"""A chunk of rows through a GRU, and back. Gates in Keras' order: update, reset, candidate.

The reset gate is applied after the product (`reset_after=True`, Keras' default). Loops are split as
in `spaces.kernels.lstm`, for the vectoriser.
"""

from typing import Any

import numpy as np

from spaces.kernels.compiled import f32, flushed, kernel, sigmoid, tanh
from spaces.kernels.steps import (
    keep_output,
    read_inputs,
    read_state,
    return_to_inputs,
    return_to_state,
    take_gradient,
)


@kernel
def forward(
    x: Any,
    ids: Any,
    weights: Any,
    table: Any,
    bias: Any,
    recurrent: Any,
    recurrent_bias: Any,
    masks: Any,
    relu: bool,
    reverse: bool,
    first: int,
    last: int,
    counts: Any,
    offsets: Any,
    inputs: Any,
    gates: Any,
    inner: Any,
    states: Any,
    cells: Any,
    out: Any,
) -> None:
    """Run the steps from `first` to before `last`; see `spaces.kernels.passes` for the arrays."""
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
def backward(
    ids: Any,
    weights_t: Any,
    recurrent_t: Any,
    masks: Any,
    relu: bool,
    reverse: bool,
    counts: Any,
    offsets: Any,
    gates: Any,
    inner: Any,
    states: Any,
    cells: Any,
    dout: Any,
    dcells: Any,
    dh: Any,
    dc: Any,
    dgates: Any,
    dx: Any,
    dtable: Any,
) -> None:
    """Bring gradients back through all steps; see `spaces.kernels.passes` for the arrays.

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
            g, q, h, d, dhr = (
                gates[a + row],
                inner[a + row],
                states[a + row],
                dgates[a + row],
                dh[row],
            )
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
