"""A recurrent layer as its kernels see it: kind, weights, and the gradients of the weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spaces.kernels import gru, lstm, rnn
from spaces.kernels.memory import Array


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        gates: Gates, G.
        forward: Its kernel.
        backward: Its kernel for the way back.
    """

    gates: int
    forward: Callable[..., None]
    backward: Callable[..., None]


CELLS = {
    "SimpleRNN": Cell(1, rnn.forward, rnn.backward),
    "GRU": Cell(3, gru.forward, gru.backward),
    "LSTM": Cell(4, lstm.forward, lstm.backward),
}


@dataclass(frozen=True)
class Spec:
    """What a layer computes.

    Attributes:
        kind: "SimpleRNN", "GRU" or "LSTM".
        units: Units, H.
        relu: Whether the activation is relu; else tanh.
        sequences: Whether the state after every step is returned.
        reverse: Whether the inputs are read from their end.
    """

    kind: str
    units: int
    relu: bool
    sequences: bool
    reverse: bool

    @property
    def cell(self) -> Cell:
        """Its kernels."""
        return CELLS[self.kind]


@dataclass(frozen=True)
class Weights:
    """A layer's weights.

    Attributes:
        inputs: Input kernel [E, G * H].
        bias: [G * H].
        recurrent: Recurrent kernel [H, G * H].
        recurrent_bias: [G * H].
        embeddings: Where ids are read, the vector of each, [num_words, E]; else [0, E].
    """

    inputs: Array
    bias: Array
    recurrent: Array
    recurrent_bias: Array
    embeddings: Array

    @cached_property
    def table(self) -> Array:
        """What each id adds to the gates, [num_words, G * H]."""
        return np.asarray(self.embeddings @ self.inputs + self.bias, np.float32)

    def by_gate(self, gates: int) -> Array:
        """Return the recurrent kernel as `gates` matrices, [gates, H, width]."""
        return np.ascontiguousarray(np.stack(np.split(self.recurrent, gates, axis=1)))


@dataclass
class Gradients:
    """Gradients of `Weights`, summed over passes; those of the embeddings are the inputs'."""

    inputs: Array
    bias: Array
    recurrent: Array
    recurrent_bias: Array
    table: Array

    @classmethod
    def zeros(cls, weights: Weights) -> "Gradients":
        """Return gradients of zero."""
        return cls(*(np.zeros_like(getattr(weights, name)) for name in cls.__annotations__))

    def of_weights(self, weights: Weights) -> tuple[Array, Array, Array, Array]:
        """Return the gradients in the weights' order, the table's share in its place."""
        inputs = self.inputs + weights.embeddings.T @ self.table
        return inputs, self.bias + self.table.sum(axis=0), self.recurrent, self.recurrent_bias

    def add(self, other: "Gradients") -> None:
        """Add another chunk's."""
        for name in self.__annotations__:
            getattr(self, name)[...] += getattr(other, name)
