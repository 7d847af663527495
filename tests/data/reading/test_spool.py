"""The rows of a log on their way in: the fingerprint they get, and a full disk."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data.common.errors import UserError
from data.reading import spool as module
from data.reading.spool import Spool


@pytest.mark.parametrize("block_bytes", [1, 7, 2**20])
def test_the_fingerprint_does_not_depend_on_blocks(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    rows = [("a", 0), ("größe", 1), ("", 1), ("ab", 0)]
    expected = hashlib.sha256()
    with Spool() as spool:
        for text, label in rows:
            spool.add(text.encode(), label)
            expected.update(f"{label} {len(text.encode())} {text}".encode())
        assert len(spool) == 4
        texts, labels, sha256 = spool.finish()
    # The file is closed; what was mapped stays.
    assert texts == [text for text, _ in rows]
    np.testing.assert_array_equal(labels, [0, 1, 1, 0])
    assert sha256 == expected.hexdigest()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("size", [10, 2**21])
def test_a_full_disk_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    full = Path("/dev/full")
    monkeypatch.setattr(module.tempfile, "TemporaryFile", lambda: full.open("wb"))
    with (
        pytest.raises(UserError, match=r"cannot be kept \(No space left on device\); free") as told,
        Spool() as spool,
    ):
        spool.add(b"x" * size, 0)
        spool.finish()
    assert "\n" not in str(told.value)


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"no temporary file .*\(No such file.*; set TMPDIR"):
        Spool()
