"""The encoder against Keras's own tokenizer, and what it saves and loads."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies as st

from data.dataset import save_vocabulary
from data.reading import read_log
from data.records import Encoded, Vocabulary, encode, encoding

any_text = st.text(st.characters(codec=None, categories=None))
few_characters = st.text("aAbBİß\u03a3\u03c3\u03c2\t\n\ud800\U0010ffff", max_size=20)
texts = st.lists(any_text | few_characters | st.just("ab" * 700), max_size=6)


def keras_tokenizer(texts: Sequence[str]) -> Any:
    from keras.src.legacy.preprocessing.text import Tokenizer

    tokenizer = Tokenizer(filters="\t\n", char_level=True)
    tokenizer.fit_on_texts(texts)
    return tokenizer


def keras_padded(tokenizer: Any, texts: Sequence[str]) -> npt.NDArray[np.int32]:
    from keras.utils import pad_sequences

    sequences = tokenizer.texts_to_sequences(texts)
    padded: npt.NDArray[np.int32] = pad_sequences(sequences, maxlen=1024)
    return padded


def all_padded(encoded: Encoded) -> npt.NDArray[np.int32]:
    return encoded.padded(np.arange(len(encoded)), 1024)


def test_shared_log_is_encoded_as_keras_does(shared_log: Path) -> None:
    texts = read_log(str(shared_log)).texts
    vocabulary = Vocabulary.fit(texts, unknown=False)
    tokenizer = keras_tokenizer(texts)
    assert vocabulary.num_words == len(tokenizer.word_index) + 1 == 70
    assert list(vocabulary.characters) == list(tokenizer.word_index)

    encoded = encode(texts, vocabulary)
    assert encoded.ids.dtype == np.uint8
    assert encoded.lengths.max() == 1024  # Its longest record has 1,173 characters.
    for start in range(0, len(texts), 2000):
        rows = np.arange(start, min(start + 2000, len(texts)))
        expected = keras_padded(tokenizer, texts[start : start + 2000])
        np.testing.assert_array_equal(encoded.padded(rows, 1024), expected)


@settings(max_examples=150)
@given(fitted=texts, others=texts)
def test_any_texts_are_encoded_as_keras_does(fitted: list[str], others: list[str]) -> None:
    vocabulary = Vocabulary.fit(fitted, unknown=False)
    tokenizer = keras_tokenizer(fitted)
    assert list(vocabulary.characters) == list(tokenizer.word_index)
    for texts in (fitted, others):  # Others hold characters that the vocabulary lacks.
        if texts:
            expected = keras_padded(tokenizer, texts)
            np.testing.assert_array_equal(all_padded(encode(texts, vocabulary)), expected)


@settings(max_examples=60)
@given(fitted=texts, others=texts)
def test_unknown_characters_share_the_last_id(fitted: list[str], others: list[str]) -> None:
    vocabulary = Vocabulary.fit(fitted, unknown=True)
    known = {character: i for i, character in enumerate(vocabulary.characters, 1)}
    encoded = encode(others, vocabulary)
    for text, start, end in zip(others, encoded.offsets, encoded.offsets[1:], strict=False):
        ids = [known.get(character, len(known) + 1) for character in text.lower()]
        assert encoded.ids[start:end].tolist() == ids[-1024:]
        assert vocabulary.encode(text).tolist() == ids
    assert vocabulary.num_words == len(known) + 2


@settings(max_examples=60)
@given(texts=texts, unknown=st.booleans())
def test_chunks_change_nothing(texts: list[str], unknown: bool) -> None:
    whole = Vocabulary.fit(texts, unknown=unknown)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "CHUNK_CHARACTERS", 3)
        pieces = Vocabulary.fit(iter(texts), unknown=unknown)
        encoded = encode(iter(texts), whole)
    assert pieces == whole
    np.testing.assert_array_equal(encoded.ids, encode(texts, whole).ids)
    np.testing.assert_array_equal(encoded.offsets, encode(texts, whole).offsets)


@pytest.mark.parametrize(
    ("texts", "characters"),
    [
        (["zaB", "bac"], ("a", "b", "z", "c")),  # By falling frequency, then by first appearance.
        (["İ"], ("i", "\u0307")),  # One capital becomes two characters.
        (["BΣ", "B"], ("b", "ς")),  # A final sigma is one by its own text only.
    ],
)
def test_characters_are_lower_cased_and_ordered(
    texts: list[str], characters: tuple[str, ...]
) -> None:
    assert Vocabulary.fit(texts, unknown=False).characters == characters


@pytest.mark.parametrize(
    ("count", "dtype"), [(253, np.uint8), (254, np.uint16), (70_000, np.uint32)]
)
def test_ids_have_the_smallest_type_that_holds_them(count: int, dtype: type) -> None:
    lower = [chr(i) for i in range(0x110000) if chr(i) == chr(i).lower()]
    vocabulary = Vocabulary(tuple(lower[:count]), unknown=True)
    encoded = encode(lower[:count], vocabulary)
    assert encoded.ids.dtype == dtype
    assert encoded.ids.tolist() == list(range(1, count + 1))


def test_padding_is_left_and_the_last_ids_are_kept() -> None:
    encoded = encode(["abc", "", "ba"], Vocabulary(("a", "b", "c"), unknown=False))
    assert len(encoded) == 3
    assert encoded.lengths.tolist() == [3, 0, 2]
    padded = encoded.padded(np.array([2, 0, 1, 0]), 2)
    assert padded.dtype == np.int32
    assert padded.tolist() == [[2, 1], [2, 3], [0, 0], [2, 3]]
    assert encoded.padded(np.array([0]), 5).tolist() == [[0, 0, 1, 2, 3]]
    assert encoded.padded(np.array([], int), 5).shape == (0, 5)


def test_nothing_to_encode() -> None:
    vocabulary = Vocabulary.fit([], unknown=True)
    assert vocabulary.num_words == 2
    assert len(encode([], vocabulary)) == 0
    assert all_padded(encode(["", ""], vocabulary)).tolist() == [[0] * 1024] * 2


def test_a_shorter_limit_keeps_the_last_ids() -> None:
    vocabulary = Vocabulary(("a", "b", "c"), unknown=False)
    encoded = encode(["abc", "a"], vocabulary, max_length=2)
    assert encoded.ids.tolist() == [2, 3, 1]
    assert encoded.lengths.tolist() == [2, 1]
    # Characters that are left out do not count.
    assert encode(["axxxxb"], vocabulary, max_length=2).ids.tolist() == [1, 2]


@given(texts=texts, unknown=st.booleans())
def test_vocabulary_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], unknown: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "vocabulary.json"
    vocabulary = Vocabulary.fit(texts, unknown=unknown)
    save_vocabulary(vocabulary, path)
    assert Vocabulary.of_json(json.loads(path.read_text("utf-8"))) == vocabulary


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"characters": "ab", "unknown": true}',
        '{"characters": ["a", "b"]}',
        '{"characters": ["a", "b"], "unknown": 1}',
        '{"characters": ["a", "a"], "unknown": true}',
        '{"characters": ["a", "bc"], "unknown": true}',
        '{"characters": ["a", 1], "unknown": true}',
        '{"characters": ["a", [["b"]]], "unknown": true}',
    ],
)
def test_damaged_vocabulary_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Vocabulary.of_json(json.loads(content))


def test_vocabulary_is_readable_json(tmp_path: Path) -> None:
    save_vocabulary(Vocabulary(("a", "é"), unknown=True), tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text()) == {
        "characters": ["a", "é"],
        "unknown": True,
    }
