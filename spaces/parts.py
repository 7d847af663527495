"""The parts that a drawn network is made of, as plain values: every space draws some of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Embedding:
    """The vectors of what is read.

    Attributes:
        width: Numbers in a vector.
        dropout: Share of the vectors' channels dropped.
    """

    width: int
    dropout: float


@dataclass(frozen=True)
class Front:
    """Convolutions before the recurrence, each followed by max pooling.

    Attributes:
        layers: How many convolutions, 1 or 2.
        filters: Filters of each.
        kernel: Characters (or pooled steps) that one filter spans.
        pool: How many steps become one after each convolution.
    """

    layers: int
    filters: int
    kernel: int
    pool: int


@dataclass(frozen=True)
class Recurrence:
    """The recurrent layers.

    Attributes:
        cell: "rnn", "gru" or "lstm".
        units: Units of each layer, in each direction, first layer first.
        bidirectional: Whether each layer reads both ways.
        dropout: Share of the recurrent state dropped at each step.
    """

    cell: str
    units: tuple[int, ...]
    bidirectional: bool
    dropout: float


@dataclass(frozen=True)
class Body:
    """What reads a record: recurrent layers, behind convolutions or without.

    Attributes:
        embedding: The characters' vectors.
        front: The convolutions, if any.
        normalization: "layer" or "batch", after each convolution and recurrent layer.
        recurrence: The recurrent layers.
        summary: "max", "mean", "attention" or "last".
    """

    embedding: Embedding
    front: Front | None
    normalization: str
    recurrence: Recurrence
    summary: str


@dataclass(frozen=True)
class Wide:
    """A linear model of hashed character n-grams whose logit is added to the network's.

    Cheng et al. 2016, https://arxiv.org/abs/1606.07792.

    Attributes:
        longest: Characters of the longest n-grams; all shorter ones count too.
        factor: What the mean of the n-grams' weights is multiplied by. An optimizer of Adam's kind
            moves a weight by about the learning rate, so the factor makes this branch faster.
        dropout: Share of the n-grams dropped.
    """

    longest: int
    factor: int
    dropout: float


@dataclass(frozen=True)
class Head:
    """What makes one probability of the summary.

    Attributes:
        dropout: Share of the summary dropped.
        units: Units of each hidden dense layer; may be empty.
        activation: Activation of those layers; None where there are none.
        wide: What is added to the logit, if anything.
    """

    dropout: float
    units: tuple[int, ...]
    activation: str | None
    wide: Wide | None


@dataclass(frozen=True)
class Training:
    """How the weights are moved.

    Attributes:
        optimizer: "rmsprop", "nadam", "adamw", or "adam" outside the brief.
        learning_rate: The highest rate that the schedule reaches.
        weight_decay: Decoupled weight decay; None where the optimizer has none.
        schedule: "constant", "cosine" or "warmup-cosine".
        gradient_clip: Greatest norm of all gradients together; 0 means no clipping.
        batch_size: Records a step.
    """

    optimizer: str
    learning_rate: float
    weight_decay: float | None
    schedule: str
    gradient_clip: float
    batch_size: int
