"""`--space` names the module that registers a model's custom layers with Keras."""

from argparse import ArgumentParser


def add_space(parser: ArgumentParser) -> None:
    """Add `--space` to a command that loads a model."""
    parser.add_argument(
        "--space",
        metavar="PKG.MOD:CLASS",
        help="for a model with custom layers: the space that it comes from, whose module registers "
        "them; it is imported",
    )


def register_space(space: str | None) -> None:
    """Import a space's module, which registers its layers with Keras.

    Only for a name that the user has given, never for one that was read from a file.

    Args:
        space: The value of `--space`; nothing is imported for None and for built-in spaces.

    Raises:
        UserError: If it cannot be imported.
    """
    if space is not None and ":" in space:
        from results.scoring import suppress_stderr

        with suppress_stderr():
            from spaces import import_space

        import_space(space)
