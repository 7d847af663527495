"""Texts in a file: whatever they hold they come back, in any order, and leave memory alone."""

import hashlib
import mmap
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings, strategies as st

from data.common import UserError
from data.reading import texts as module
from data.reading.texts import Texts, TextWriter

some_texts = st.lists(
    st.text(st.characters(codec=None, categories=None), max_size=8) | st.text("ab", max_size=9),
    max_size=12,
)


def written(texts: list[str]) -> Texts:
    with TextWriter() as writer:
        for text in texts:
            writer.add(text, 0)
        return writer.finish()[0]


@settings(max_examples=150)
@given(texts=some_texts, data=st.data(), most=st.integers(1, 40))
def test_texts_come_back_however_they_are_asked_for(
    texts: list[str], data: st.DataObject, most: int
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)) if texts else st.just([]))
    for kept in (Texts.of(texts), written(texts)):
        assert list(kept) == texts
        assert kept == texts
        assert [kept[row] for row in range(len(texts))] == texts
        assert list(kept[1:5]) == texts[1:5]
        chosen = kept.at(np.array(rows, np.int64))
        assert list(chosen) == [texts[row] for row in rows]
        joined = b"".join(block for block, _ in chosen.blocks(most))
        assert joined == b"".join(texts[row].encode("utf-8", "surrogatepass") for row in rows)
        sizes = [size for _, sizes in chosen.blocks(most) for size in sizes.tolist()]
        assert sizes == [len(texts[row].encode("utf-8", "surrogatepass")) for row in rows]


@settings(max_examples=30)
@given(texts=some_texts)
def test_a_window_of_few_rows_changes_nothing(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WINDOW", 2)
        assert list(Texts.of(texts)) == texts


@pytest.mark.parametrize("rows", [slice(None), slice(0), slice(5, 2), slice(1, 3)])
def test_views_are_saved_as_they_look(tmp_path: Path, rows: slice) -> None:
    texts = ["one", "größe", "\ud800", ""]
    Texts.of(texts)[rows].save(tmp_path)
    assert Texts.load(tmp_path) == texts[rows]


def test_other_texts_are_not_equal() -> None:
    texts = Texts.of(["a", "b"])
    assert texts != ["a"]
    assert texts != ["a", "c"]
    assert texts != "ab"
    assert texts != 7


def test_an_index_out_of_range_is_no_text() -> None:
    with pytest.raises(IndexError):
        _ = Texts.of(["a"])[1]


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="no madvise here")
def test_a_pass_over_all_texts_leaves_no_memory_behind() -> None:
    text = "x" * 1000
    texts = written([text] * 40_000)
    before = psutil.Process().memory_info().rss
    assert sum(map(len, texts)) == 40_000_000
    assert psutil.Process().memory_info().rss - before < 10_000_000


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    Texts.of(["a", "b"]).save(tmp_path)
    (tmp_path / "texts.bin").write_bytes(b"abc")
    with pytest.raises(UserError, match=r"its texts cannot be read; delete it"):
        Texts.load(tmp_path)


@pytest.mark.parametrize("block_bytes", [1, 7, 2**20])
def test_the_fingerprint_does_not_depend_on_blocks(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    rows = [("a", 0), ("größe", 1), ("", 1), ("ab", 0)]
    expected = hashlib.sha256()
    with TextWriter() as writer:
        for text, label in rows:
            writer.add(text, label)
            expected.update(f"{label} {len(text.encode())} {text}".encode())
        assert len(writer) == 4
        texts, labels, sha256 = writer.finish()
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
        TextWriter() as writer,
    ):
        writer.add("x" * size, 0)
        writer.finish()
    assert "\n" not in str(told.value)


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(UserError, match=r"no temporary file .*\(No such file.*; set TMPDIR"):
        TextWriter()
