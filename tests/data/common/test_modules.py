"""Modules that a user names are found in the current folder, whichever script was started."""

import sys
from pathlib import Path

import pytest

from data.common import UserError, import_name


def test_a_module_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named_by_a_user.py").write_text("VALUE = 3\n")
    (tmp_path / "broken_by_a_user.py").write_text("import nowhere.at_all\n")
    monkeypatch.chdir(tmp_path)
    # As in the script `model3-search`, which is not started from there.
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    assert import_name("--space named_by_a_user:VALUE", "named_by_a_user:VALUE") == 3
    with pytest.raises(UserError, match=f"^--space a:B: no module a in {tmp_path} or among"):
        import_name("--space a:B", "a:B")
    with pytest.raises(UserError, match="importing broken_by_a_user failed: No module named 'now"):
        import_name("--space broken_by_a_user:B", "broken_by_a_user:B")
    with pytest.raises(UserError, match=r"^--space x: module named_by_a_user has no OTHER$"):
        import_name("--space x", "named_by_a_user:OTHER")
