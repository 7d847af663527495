"""Blotting characters out finds those that a score hangs on."""

from pathlib import Path

import numpy as np
import pytest

from data.dataset.encode import Vocabulary, encode
from results.report.attribution import MOST_WINDOWS, Effects, explain, occlude
from results.scoring import probabilities
from spaces import Model3
from tests.results.conftest import Trained
from tests.spaces.draws import chosen
from tests.spaces.records import buckets_of


def quotes(texts: object) -> Effects:
    """A score that counts one character."""
    return np.array([float(text.count("'")) for text in texts])


def test_finds_the_character_that_counts() -> None:
    text = "name=O'Brien&city=x"
    effects = occlude(text, quotes, "e")
    assert effects.argmax() == text.index("'")
    assert effects[text.index("'")] == pytest.approx(1.0)
    assert not effects[:4].any() and not effects[9:].any()


@pytest.mark.parametrize("length", [1, 2, 513, 1024, 1500])
def test_looks_at_every_character_that_a_model_sees(length: int) -> None:
    asked = []

    def score(texts: object) -> Effects:
        asked.append(len(list(texts)))
        return quotes(texts)

    effects = occlude("'" * length, score, "e")
    assert effects.shape == (length,)
    assert (effects[-1024:] > 0).all()
    assert not effects[:-1024].any()
    assert sum(asked) <= MOST_WINDOWS + 1


def test_says_what_the_model_would_say(trained: Trained, kept: Path) -> None:
    rows = [1, 20]  # The second is longer than a model sees.
    texts = [trained.log.texts[row] for row in rows]
    model = kept / "artifacts" / "model.keras"
    found = explain(model, trained.vocabulary, "real", texts, rows)
    assert [record.row for record in found] == rows
    assert [len(record.effects) for record in found] == [len(text) for text in texts]
    # The mean over the three windows that cover a character, asked of the model one by one.
    text, filler = texts[0], next(filter(str.isalnum, trained.vocabulary.characters))
    place = int(np.abs(found[0].effects).argmax())
    assert 2 <= place < len(text) - 2
    blotted = [text[:at] + filler * 3 + text[at + 3 :] for at in range(place - 2, place + 1)]
    encoded = encode([text, *blotted], trained.vocabulary)
    scores = probabilities(trained.model, encoded, np.arange(4), padding="real").astype(float)
    odds = np.log(scores / (1 - scores))
    assert found[0].effects[place] == pytest.approx(np.mean(odds[0] - odds[1:]), abs=1e-3)
    assert found[0].effects[place] != 0


def test_finds_an_ngram_that_the_wide_branch_alone_knows(tmp_path: Path) -> None:
    text = "select a, b from users where c=1"
    vocabulary = Vocabulary.fit([text], unknown=True)
    space = Model3(vocabulary.num_words)
    model = space.build(chosen(space, wide_longest=4))
    ids = vocabulary.encode("from").tolist()
    weights = np.zeros((2**16, 1), np.float32)
    weights[buckets_of(ids, 4, 2**16)[-1]] = 5
    model.get_layer("wide_weights").set_weights([weights])
    model.save(tmp_path / "model.keras")
    (found,) = explain(tmp_path / "model.keras", vocabulary, "real", [text], [0])
    effects, start = np.array(found.effects), text.index("from")
    assert set(np.argsort(effects)[-4:]) == set(range(start, start + 4))
