"""A distribution's version, whichever build of it is installed."""

import importlib.metadata
from pathlib import Path

import pytest

from data.common import installed_version


def test_it_is_that_of_the_distribution() -> None:
    assert installed_version("numpy") == importlib.metadata.version("numpy")


def test_another_build_of_a_module_stands_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "flow_cpu-2.21.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: flow-cpu\nVersion: 2.21.0\n")
    (told / "top_level.txt").write_text("flow\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_version("flow") == "2.21.0"
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        installed_version("flow2")
