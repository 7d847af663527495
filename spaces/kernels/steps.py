"""What a step of every recurrent layer does with its inputs and its state, and the way back.

Arrays are float32. At a step the first n rows of a chunk are at work; N is the sum of n over all
steps, so that `block = offset + row` numbers every pair of a step and a row that is computed.
G is the number of gates (1, 3 or 4), H the units, E the width of an input.
"""

from typing import Any

import numpy as np

from spaces.kernels.compiled import f32, kernel


@kernel
def read_inputs(
    x: Any,
    ids: Any,
    weights: Any,
    table: Any,
    bias: Any,
    step: int,
    block: Any,
    n: int,
    out: Any,
) -> None:
    """Compute what the inputs of one step add to the gates.

    Args:
        x: Inputs [rows, steps, E]; not read where there are ids.
        ids: Characters [rows, steps], int32, or [rows, 0].
        weights: Input kernel [E, G * H].
        table: What each character adds, bias included, [num_words, G * H].
        bias: [G * H], added to x only.
        step: Which step.
        block: Where the inputs are kept for the way back, [n, E].
        n: Rows at work.
        out: Filled, [n, G * H].
    """
    if ids.shape[1]:
        for row in range(n):
            out[row] = table[ids[row, step]]
        return
    for row in range(n):
        block[row] = x[row, step]
    np.dot(block, weights, out)
    for row in range(n):
        for j in range(out.shape[1]):
            out[row, j] += bias[j]


@kernel
def return_to_inputs(
    gradient: Any, ids: Any, weights_t: Any, step: int, n: int, scratch: Any, dx: Any, dtable: Any
) -> None:
    """Bring the gates' gradient of one step to the inputs.

    Args:
        gradient: Of the gates, [n, G * H].
        ids: Characters [rows, steps], int32, or [rows, 0].
        weights_t: Transposed input kernel [G * H, E].
        step: Which step.
        n: Rows at work.
        scratch: [rows, E].
        dx: Filled at this step, [rows, steps, E].
        dtable: Where there are ids, added to at each row's, [num_words, G * H].
    """
    if ids.shape[1]:
        for row in range(n):
            target = dtable[ids[row, step]]
            for j in range(target.shape[0]):
                target[j] += gradient[row, j]
    np.dot(gradient, weights_t, scratch[:n])
    for row in range(n):
        dx[row, step] = scratch[row]


@kernel
def read_state(
    state: Any, recurrent: Any, masks: Any, n: int, scratch: Any, part: Any, out: Any
) -> None:
    """Multiply the state by the recurrent kernel.

    Args:
        state: [n, H].
        recurrent: Recurrent kernel by gate [G, H, H] under masks, else [1, H, G * H].
        masks: Dropout masks of the state, one a gate, [G, rows, H]; G = 0 means none.
        n: Rows at work.
        scratch: [rows, H].
        part: [rows, H].
        out: Filled, [n, G * H].
    """
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
def return_to_state(
    gradient: Any, recurrent_t: Any, masks: Any, n: int, scratch: Any, part: Any, dh: Any
) -> None:
    """Bring the gates' gradient of one step to the state before it.

    Args:
        gradient: Of the gates, [n, G * H].
        recurrent_t: As `recurrent` of `read_state`, each matrix transposed.
        masks: As there.
        n: Rows at work.
        scratch: [rows, H].
        part: [rows, H].
        dh: Filled, [rows, H]; only the first n rows.
    """
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
def keep_output(states: Any, step: int, n: int, out: Any) -> None:
    """Keep the state after a step, where sequences are returned.

    Args:
        states: After the step, [n, H].
        step: Which step.
        n: Rows at work.
        out: Filled at this step, [rows, steps, H]; [0, steps, H] for the last state alone.
    """
    if out.shape[0]:
        for row in range(n):
            out[row, step] = states[row]


@kernel
def take_gradient(given: Any, step: int, n: int, gradient: Any) -> None:
    """Add the gradient that comes to a step from outside.

    Args:
        given: By step, [rows, steps, H]; [0, steps, H] where none comes.
        step: Which step.
        n: Rows at work.
        gradient: Added to, [rows, H].
    """
    if given.shape[0]:
        for row in range(n):
            for j in range(gradient.shape[1]):
                gradient[row, j] += given[row, step, j]


@kernel
def weigh_recurrent(states: Any, gradients: Any, masks: Any, rows_of: Any, out: Any) -> None:
    """Compute the gradient of the recurrent kernel over all steps in one product.

    Args:
        states: Before each step, [N, H].
        gradients: Of the gates, [N, G * H].
        masks: As in `read_state`.
        rows_of: The row of each block, int64 [N].
        out: Filled, [H, G * H].
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
