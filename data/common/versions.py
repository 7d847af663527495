"""Which versions of other distributions are installed."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version


def installed_version(name: str) -> str:
    """Return a distribution's version, or that of another build of its module.

    `tensorflow-cpu` and `onnxruntime-gpu` install the modules of `tensorflow` and `onnxruntime`.

    Raises:
        PackageNotFoundError: If there is neither.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        builds = packages_distributions().get(name)
        if not builds:
            raise
        return version(sorted(builds)[0])
