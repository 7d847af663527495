"""A chunk of rows through a simple recurrent layer, and back."""

from typing import Any

import numpy as np

from spaces.kernels.compiled import activate, f32, flushed, kernel, slope
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
