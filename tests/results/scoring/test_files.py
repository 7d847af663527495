"""Probabilities as a file: whole, read back as they were, or one line that says what is wrong."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common.errors import UserError
from results.scoring import PARTS, SCORES, load_scores, save_scores, strict_json

SEEN = np.array([0.25, np.nan], np.float32)
HELD = np.array([1.0, 0.0, 0.125], np.float32)


def test_they_read_back_as_they_were(tmp_path: Path) -> None:
    save_scores(tmp_path / "new" / "folder", SEEN, HELD)
    found = load_scores(tmp_path / "new" / "folder" / SCORES)
    assert list(found) == ["validation", "heldout"]
    np.testing.assert_array_equal(found["validation"], SEEN)
    np.testing.assert_array_equal(found["heldout"], HELD)
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {SCORES}


class Payload:
    """Ends the test where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.exit, ("a pickle was loaded",)


def larger_than_stored(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**44,)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name in PARTS:
            archive.writestr(f"{name}.npy", header.getvalue())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive"),
        lambda path: np.savez(path, validation=SEEN),
        lambda path: np.savez(path, validation=np.array([Payload()]), heldout=HELD),
        lambda path: path.write_bytes(pickle.dumps(Payload())),
        larger_than_stored,
        Path.unlink,
    ],
)
def test_what_is_damaged_is_one_line(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    save_scores(tmp_path, SEEN, HELD)
    spoil(tmp_path / SCORES)
    with pytest.raises(UserError, match=r"scores\.npz: it is damaged") as raised:
        load_scores(tmp_path / SCORES)
    assert "\n" not in str(raised.value)


def test_json_is_strict_and_takes_numpy(tmp_path: Path) -> None:
    content = {
        "nan": float("nan"),
        "numpy": [np.float32("inf"), np.int64(3), np.bool_(True)],
        "tuple": (1, -float("inf")),
        1: None,
    }
    assert json.loads(strict_json(content)) == {
        "nan": None,
        "numpy": [None, 3, True],
        "tuple": [1, None],
        "1": None,
    }
