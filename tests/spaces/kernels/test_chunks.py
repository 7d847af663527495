"""Padding that is not read step by step leaves what reading it would have left."""

from dataclasses import replace

import numpy as np
import pytest

from spaces.kernels.chunks import Chunk, PaddingPass
from spaces.kernels.passes import Gradients, LayerSpec, Weights
from spaces.kernels.resources import ArrayPool

UNITS, WIDTH, WORDS, ROWS, STEPS = 8, 4, 20, 6, 400
GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}


def weights(kind: str) -> Weights:
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32) * 0.3

    width = GATES[kind] * UNITS
    return Weights(
        draw(WIDTH, width), draw(width), draw(UNITS, width), draw(width), draw(WORDS, WIDTH)
    )


def records() -> np.ndarray:
    rng = np.random.default_rng(2)
    ids = np.zeros((ROWS, STEPS), np.int32)
    for row, real in enumerate((3, 10, 40, 1, 390, 90)):
        ids[row, STEPS - real :] = rng.integers(1, WORDS, real)
    return ids


def masks(kind: str, dropout: bool) -> np.ndarray:
    rng = np.random.default_rng(3)
    gates = GATES[kind] if dropout else 0
    return (rng.random((gates, ROWS, UNITS)) < 0.7).astype(np.float32)


def run(kind: str, dropout: bool, *, ids_read: bool) -> tuple[np.ndarray, np.ndarray, Gradients]:
    """Forward and back, by ids with the padding apart, or by vectors step by step."""
    weight, ids = weights(kind), records()
    x = np.empty((ROWS, STEPS, 0), np.float32)
    if not ids_read:
        x, ids = weight.embeddings[ids], ids[:, :0]
        weight = replace(weight, embeddings=weight.embeddings[:0])
    chunk = Chunk(
        LayerSpec(kind, UNITS, False, False, False),
        weight,
        x,
        ids,
        masks(kind, dropout),
        ArrayPool(),
    )
    out = np.empty((ROWS, UNITS), np.float32)
    chunk.forward(out)
    dx = np.zeros((ROWS, STEPS, WIDTH), np.float32)
    gradients = chunk.backward(np.cos(np.arange(out.size, dtype=np.float32)).reshape(out.shape), dx)
    assert (chunk.padding is not None) == ids_read
    return out, dx, Gradients(*gradients.of_weights(weight), gradients.table)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("kind", list(GATES))
def test_it_equals_every_step_read(kind: str, dropout: bool) -> None:
    out, dx, gradients = run(kind, dropout, ids_read=True)
    slow_out, slow_dx, slow_gradients = run(kind, dropout, ids_read=False)
    np.testing.assert_allclose(out, slow_out, atol=2e-6)
    np.testing.assert_allclose(dx, slow_dx, atol=2e-6)
    for name in ("inputs", "bias", "recurrent", "recurrent_bias"):
        np.testing.assert_allclose(
            getattr(gradients, name), getattr(slow_gradients, name), rtol=1e-4, atol=2e-5
        )


@pytest.mark.parametrize("kind", list(GATES))
def test_what_nobody_wrote_is_not_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is only asked for may hold anything, a signalling nan too."""
    expected = run(kind, False, ids_read=True)
    empty, signalling = np.empty, np.array([0x7FA00000], np.uint32)

    def poisoned(shape: object, dtype: object = float) -> np.ndarray:
        made = empty(shape, dtype)
        if made.dtype == np.float32:
            made.view(np.uint32)[...] = signalling
        return made

    with monkeypatch.context() as patch:
        patch.setattr(np, "empty", poisoned)
        patch.setattr(np, "empty_like", lambda like: poisoned(like.shape, like.dtype))
        out, dx, gradients = run(kind, False, ids_read=True)
    np.testing.assert_array_equal(out, expected[0])
    np.testing.assert_array_equal(dx, expected[1])
    np.testing.assert_array_equal(gradients.recurrent, expected[2].recurrent)


def test_a_state_that_rests_is_not_computed_on() -> None:
    starts = np.full(ROWS, 4000, np.int64)
    spec = LayerSpec("LSTM", UNITS, False, False, False)
    read = PaddingPass(spec, weights("LSTM"), starts, masks("LSTM", False), ArrayPool())
    assert 0 < read.rest < 1000
    states, cells = read.states()
    assert states.shape == cells.shape == (ROWS, UNITS)  # type: ignore[union-attr]


def test_a_state_that_swings_is_computed_to_the_end() -> None:
    """A recurrent kernel that rotates the state never lets it rest."""
    turn = np.kron(np.eye(UNITS // 2), [[0.0, 1.0], [-1.0, 0.0]]).astype(np.float32)
    weight = replace(weights("SimpleRNN"), recurrent=1.5 * turn)
    starts = np.full(ROWS, 300, np.int64)
    spec = LayerSpec("SimpleRNN", UNITS, False, False, False)
    read = PaddingPass(spec, weight, starts, masks("SimpleRNN", False), ArrayPool())
    assert read.rest == 300
