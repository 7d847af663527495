"""Layers of one's own: known only where the user names the module that registers them."""

from argparse import ArgumentParser

from results.scoring import suppress_stderr


def add_space(parser: ArgumentParser) -> None:
    """Let a command that loads a model be told where its layers come from.

    Args:
        parser: The command's.
    """
    parser.add_argument(
        "--space",
        metavar="PKG.MOD:CLASS",
        help="where the model has layers of your own: the space that it comes from, whose module "
        "registers them; it is imported",
    )


def register(space: str | None) -> None:
    """Import a space's module, which registers its layers with Keras.

    Only for a name that the user has given: never for one that was read from a file.

    Args:
        space: What stood behind `--space`; nothing is imported for None and for our own spaces.

    Raises:
        UserError: If it cannot be imported.
    """
    if space is not None and ":" in space:
        with suppress_stderr():
            from spaces import import_space

        import_space(space)
