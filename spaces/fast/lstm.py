"""A chunk of rows through an LSTM, and back. Gates in Keras' order: input, forget, cell, output."""

from typing import Any

import numpy as np

from spaces.fast.compiled import activate, f32, flushed, kernel, sigmoid, slope
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
            for j in range(units):
                value = g[units + j] * c[j] + g[j] * g[2 * units + j]
                c_new[j] = value
                h_new[j] = g[3 * units + j] * activate(value, relu)
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
    """Bring gradients back through all steps; see `spaces.fast.passes` for the arrays."""
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
        take_gradient(dcells, t, n, dc)
        for row in range(n):
            g, c, c_new = gates[a + row], cells[a + row], cells[b + row]
            d, dhr, dcr = dgates[a + row], dh[row], dc[row]
            for j in range(units):
                i, f, k, o = g[j], g[units + j], g[2 * units + j], g[3 * units + j]
                y = activate(c_new[j], relu)
                dstate = flushed(dhr[j])
                dcell = flushed(dcr[j] + dstate * o * slope(y, relu))
                d[j] = dcell * k * i * (f32(1.0) - i)
                d[units + j] = dcell * c[j] * f * (f32(1.0) - f)
                d[2 * units + j] = dcell * i * slope(k, relu)
                d[3 * units + j] = dstate * y * o * (f32(1.0) - o)
                dcr[j] = dcell * f
        gradient = dgates[a : a + n]
        return_to_state(gradient, recurrent_t, masks, n, scratch, part, dh)
        return_to_inputs(gradient, ids, weights_t, step, n, wide, dx, dtable)
