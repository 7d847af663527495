"""Every seed and every past failure of the fuzzer once more, without the fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz.check import check

CORPUS = sorted(Path(__file__).with_name("corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_kept_input_is_read_rightly_or_refused(path: Path, tmp_path: Path) -> None:
    check(path.read_bytes(), tmp_path)
