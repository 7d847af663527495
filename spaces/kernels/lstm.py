"""A chunk of rows through an LSTM, and back. Gates in Keras' order: input, forget, cell, output.

A loop over units writes to one array only: LLVM's vectoriser gives up where it would have to make
sure at run time that many arrays do not overlap.
"""

from typing import Any

import numpy as np

from spaces.kernels.compiled import activate, f32, flushed, kernel, sigmoid, slope
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
    """Bring gradients back through all steps; see `spaces.kernels.passes` for the arrays."""
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
