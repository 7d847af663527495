"""Where models are wrong is counted and explained: by endpoint, by length, by character."""

from pathlib import Path

import numpy as np
import pytest

from data.records import Vocabulary, encode
from results.report.attribution import (
    FILE,
    MOST_WINDOWS,
    Effects,
    explain,
    occlude,
    read_effects,
    write_effects,
)
from results.report.mistakes import mistake, worst
from results.report.slices import NO_PATH, by_endpoint, by_length, confusion, path_of
from results.scoring import probabilities
from spaces import Model3
from tests.results.conftest import Trained
from tests.spaces.draws import chosen
from tests.spaces.records import buckets_of


def test_confusion_counts_each_row_once() -> None:
    found = confusion("m", [1, 1, 0, 0, 0], [0.9, 0.1, 0.8, 0.2, np.nan])
    assert (found.true_positives, found.false_negatives) == (1, 1)
    assert (found.false_positives, found.true_negatives) == (1, 2)


def test_rows_are_grouped_by_endpoint_and_length() -> None:
    texts = ['{"path":"/a"}'] * 3 + [f'{{"path":"/{n}"}}' for n in range(20)] + ["x" * 1025]
    labels, scores = np.arange(24) % 2, {"m": np.where(np.arange(24) % 4 == 1, 0.9, 0.1)}
    paths = by_endpoint(texts, labels, scores)
    assert (paths[0].name, paths[0].rows, paths[0].malicious) == ("/a", 3, 1)
    assert paths[0].accuracy["m"].accuracy == 1
    assert sum(group.rows for group in paths) == 24
    assert [(group.name, group.rows) for group in by_length(texts, labels, scores)] == [
        ("1 to 64", 23), ("longer than 1,024, cut", 1),
    ]  # fmt: skip
    assert [path_of(text) for text in ("no", '{"path":"/\\n"}', "{}")] == [
        NO_PATH, "/\\n", NO_PATH,
    ]  # fmt: skip


def test_the_worst_mistakes_come_first() -> None:
    scores = [0.9, 0.6, 0.4, 0.1, np.nan, 0.99]
    assert worst([5, 6, 7, 8, 9, 10], [0, 0, 1, 1, 1, 1], scores) == [0, 3, 1, 2, 4]
    assert worst([5, 6], [0, 0], [0.9, 0.95], most=1) == [1]


@pytest.mark.parametrize(
    ("effects", "spans"),
    [
        ((2.0, 2.0, -1.0, 0.0), [("ab", 5), ("<", -2), ("\\n", 0)]),
        ((float("nan"), 0.0, 0.0, 0.0), [("ab<\\n", 0)]),
        ((1.0,), [("ab<\\n", 0)]),  # Not of this text.
    ],
)
def test_effects_shade_a_text(effects, spans) -> None:
    found = mistake(6, 1, 0.2, "ab<\n", effects)
    assert (found.row, found.length) == (7, 4)
    assert [(span.text, span.level) for span in found.spans] == spans


def test_of_a_long_text_is_shown_what_the_model_saw() -> None:
    # A row may have 16 MiB.
    found = mistake(6, 1, 0.2, "<" * 10**7 + "a" * 1023 + "b", (1.0,) * 1023 + (-1.0,))
    assert found.is_cut and found.length == 10**7 + 1024
    assert [(span.text, span.level) for span in found.spans] == [("a" * 1023, 5), ("b", -5)]
    assert not mistake(6, 1, 0.2, "a" * 1024, ()).is_cut


def test_effects_are_kept_for_one_model(tmp_path: Path) -> None:
    write_effects(tmp_path, "trial 3", "abc", {4: [0.5, -0.5]})
    assert read_effects(tmp_path, "trial 3", "abc") == {4: (0.5, -0.5)}
    assert read_effects(tmp_path, "trial 3", "other") == {}
    (tmp_path / FILE).write_text('{"champion": "trial 3", "model": "abc", "records": 3}')
    assert read_effects(tmp_path, "trial 3", "abc") == {}


def quotes(texts: object) -> Effects:
    """A score that counts one character."""
    return np.array([float(text.count("'")) for text in texts])


def test_occlusion_finds_the_character_that_counts() -> None:
    text = "name=O'Brien&city=x"
    effects = occlude(text, quotes, "e")
    assert effects.argmax() == text.index("'")
    assert effects[text.index("'")] == pytest.approx(1.0)
    assert not effects[:4].any() and not effects[9:].any()


@pytest.mark.parametrize("length", [1, 2, 513, 1024])
def test_occlusion_looks_at_every_character_that_a_model_sees(length: int) -> None:
    asked = []

    def score(texts: object) -> Effects:
        asked.append(len(list(texts)))
        return quotes(texts)

    effects = occlude("'" * length, score, "e")
    assert effects.shape == (length,)
    assert (effects > 0).all()
    assert sum(asked) <= MOST_WINDOWS + 1


def test_an_explanation_says_what_the_model_would_say(trained: Trained, kept: Path) -> None:
    texts = [trained.log.texts[row] for row in (1, 20)]  # The second is longer than a model sees.
    found = explain(kept / "artifacts" / "model.keras", trained.vocabulary, "real", texts)
    assert len(texts[1]) > 1024
    assert [len(effects) for effects in found] == [len(texts[0]), 1024]
    # The mean over the three windows that cover a character, asked of the model one by one.
    text, filler = texts[0], next(filter(str.isalnum, trained.vocabulary.characters))
    place = int(np.abs(found[0]).argmax())
    assert 2 <= place < len(text) - 2
    replaced = [text[:at] + filler * 3 + text[at + 3 :] for at in range(place - 2, place + 1)]
    encoded = encode([text, *replaced], trained.vocabulary)
    scores = probabilities(trained.model, encoded, np.arange(4), padding="real").astype(float)
    odds = np.log(scores / (1 - scores))
    assert found[0][place] == pytest.approx(np.mean(odds[0] - odds[1:]), abs=1e-3)
    assert found[0][place] != 0


def test_an_explanation_finds_an_ngram_that_the_wide_branch_alone_knows(tmp_path: Path) -> None:
    text = "select a, b from users where c=1"
    vocabulary = Vocabulary.fit([text], unknown=True)
    space = Model3(vocabulary.num_words)
    model = space.build(chosen(space, wide_longest=4))
    ids = vocabulary.encode("from").tolist()
    weights = np.zeros((2**16, 1), np.float32)
    weights[buckets_of(ids, 4, 2**16)[-1]] = 5
    model.get_layer("wide_weights").set_weights([weights])
    model.save(tmp_path / "model.keras")
    (effects,) = explain(tmp_path / "model.keras", vocabulary, "real", [text])
    start = text.index("from")
    assert set(np.argsort(effects)[-4:]) == set(range(start, start + 4))
