"""A chunk of rows through a GRU, and back. Gates in Keras' order: update, reset, candidate.

The reset gate is applied after the product (`reset_after=True`, Keras' default).
"""

from typing import Any

import numpy as np

from spaces.fast.compiled import f32, flushed, kernel, sigmoid, tanh
from spaces.fast.steps import (
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
    """Run the steps from `first` to before `last`; see `spaces.fast.passes` for the arrays."""
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
            for j in range(units):
                k = 2 * units + j
                q[j] = mr[k] + recurrent_bias[k]
                g[k] = tanh(zr[k] + g[units + j] * q[j])
                h_new[j] = g[j] * h[j] + (f32(1.0) - g[j]) * g[k]
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
    """Bring gradients back through all steps; see `spaces.fast.passes` for the arrays.

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
            for j in range(units):
                z, r, k = g[j], g[units + j], g[2 * units + j]
                dstate = flushed(dhr[j])
                dz = dstate * (h[j] - k) * z * (f32(1.0) - z)
                dk = dstate * (f32(1.0) - z) * (f32(1.0) - k * k)
                dr = dk * q[j] * r * (f32(1.0) - r)
                kept[row, j] = dstate * z
                d[j] = dz
                d[units + j] = dr
                d[2 * units + j] = dk * r
                g[j] = dz
                g[units + j] = dr
                g[2 * units + j] = dk
        return_to_state(dgates[a : a + n], recurrent_t, masks, n, scratch, part, dh)
        for row in range(n):
            for j in range(units):
                dh[row, j] += kept[row, j]
        return_to_inputs(gates[a : a + n], ids, weights_t, step, n, wide, dx, dtable)
