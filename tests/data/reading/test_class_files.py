"""One file per class: lines or a list of strings, and what is said of files that are neither."""

import gzip
import logging
from pathlib import Path

import pytest

from data.common import UserError
from data.reading import LABEL_WORDS, read_class_files


def write(folder: Path, good: bytes, bad: bytes) -> tuple[str, str]:
    (folder / "good.txt").write_bytes(good)
    (folder / "bad.txt").write_bytes(bad)
    return str(folder / "good.txt"), str(folder / "bad.txt")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"a, b\n  c\n", b"d\n"),
        (b"a, b\r\n\r\n  c\r\n", b"\nd"),
        (b'["a, b", "  c"]', b'[\n "d"\n]\n'),
        (gzip.compress(b"a, b\n  c\n", mtime=0), b"\xef\xbb\xbfd\n"),
    ],
)
def test_a_text_a_line_or_a_list(tmp_path: Path, good: bytes, bad: bytes) -> None:
    log = read_class_files(*write(tmp_path, good, bad))
    assert log.texts == ["a, b", "  c", "d"]
    assert log.labels.tolist() == [0, 0, 1]
    assert log.label_words == ("good", "bad")
    assert (log.format, log.skipped) == ("text", 0)
    assert log.source == f"{tmp_path / 'good.txt'} and {tmp_path / 'bad.txt'}"


def test_lines_that_begin_like_a_list(tmp_path: Path) -> None:
    log = read_class_files(*write(tmp_path, b"[[7*7]]\n[x\n", b'["a"]\nb\n'))
    assert log.texts == ["[[7*7]]", "[x", '["a"]', "b"]


def test_quotes_and_commas_of_a_line_are_text(tmp_path: Path) -> None:
    assert read_class_files(*write(tmp_path, b'"a",0\n', b"' or 1=1--,1\n")).texts == [
        '"a",0',
        "' or 1=1--,1",
    ]


def test_quotes_of_a_csv_of_one_column_are_taken_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "data.reading")
    good = b'"<a b=""c"">, d"\r\ne\r\n""\r\n"f"\r\n'
    paths = write(tmp_path, good, b'"><b c="">\n"x ""y"""\n')
    log = read_class_files(*paths)
    assert log.texts == ['<a b="c">, d', "e", "", "f", '"><b c="">', '"x ""y"""']
    assert caplog.messages == [
        f"{paths[0]}: its texts are quoted as in CSV; the quotes are taken off"
    ]


def test_names_that_are_equal_are_no_words(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "all.txt").write_text(name)
    log = read_class_files(*(str(tmp_path / name / "all.txt") for name in ("good", "bad")))
    assert log.label_words == LABEL_WORDS


def test_rows_are_drawn_from_both(tmp_path: Path) -> None:
    paths = write(tmp_path, b"a\n" * 100, b"b\n" * 100)
    log = read_class_files(*paths, rows=50)
    assert len(log.texts) == 50
    assert 15 < log.labels.sum() < 35
    with pytest.raises(UserError, match="the number of rows is 0, but must be 1 or more"):
        read_class_files(*paths, rows=0)


def test_bad_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = write(tmp_path, b"a\n\xff\n", b"b\n")
    with pytest.raises(UserError, match=r"good.txt, row 2: is not UTF-8 .* --encoding latin-1"):
        read_class_files(*paths)
    log = read_class_files(*paths, skip_bad_rows=True)
    assert caplog.messages[0].startswith("1 bad row was skipped: 1 as row 2 (is not UTF-8")
    assert caplog.messages[0].endswith(f"in {paths[0]}); 1 labeled 0")
    assert (log.texts, log.skipped) == (["a", "b"], 1)
    assert read_class_files(*paths, encoding="latin-1").texts == ["a", "ÿ", "b"]


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (b"a\n", b"", "bad.txt: is empty"),
        (b"\n", b"a\n", "good.txt: has no text; give a file with one a line"),
        (b"[]", b"a\n", "good.txt: has no text"),
        (b'["a", 1]', b"a\n", "good.txt: element 2 of the JSON list is not a string"),
    ],
)
def test_files_that_are_no_class(tmp_path: Path, good: bytes, bad: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_class_files(*write(tmp_path, good, bad))


def test_one_file_twice(tmp_path: Path) -> None:
    good, _ = write(tmp_path, b"a\n", b"b\n")
    with pytest.raises(UserError, match="is given for both classes"):
        read_class_files(good, good)
