"""The options of commands that load a model: `--space` and `--runtime`."""

from argparse import ArgumentParser
from typing import Literal, get_args

Runtime = Literal["onnx", "keras"]


def add_space(parser: ArgumentParser) -> None:
    """Add `--space` to a command that loads a model."""
    parser.add_argument(
        "--space",
        metavar="PKG.MOD:CLASS",
        help="for a model with custom layers: the space that it comes from, whose module registers "
        "them; it is imported",
    )


def add_runtime(parser: ArgumentParser) -> None:
    """Add `--runtime` and `--space` to a command that scores with an export."""
    parser.add_argument(
        "--runtime",
        choices=get_args(Runtime),
        default="onnx",
        help="what computes the scores: ONNX Runtime, or Keras for a network that has no "
        "model.onnx (default: %(default)s)",
    )
    add_space(parser)


def register_space(space: str | None) -> None:
    """Import a space's module, which registers its layers with Keras.

    Only for a name that the user has given, never for one that was read from a file.

    Args:
        space: The value of `--space`; nothing is imported for None.

    Raises:
        UserError: If there is no such space.
    """
    if space is not None:
        from results.scoring import suppress_stderr

        with suppress_stderr():
            from spaces import import_space

        import_space(space)
