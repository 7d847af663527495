"""A predictor in a Python program."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.common.errors import UserError
from results import load
from results.serving import Predictor
from tests.results.conftest import Trained, record

RECORDS = [record(number, number % 5 < 2, 30) for number in range(10)]


def test_it_scores_as_the_service_answers(kept: Path) -> None:
    predictor = load(str(kept / "best"))
    found = predictor.predict_proba(RECORDS)
    answers = predictor.answers(RECORDS)
    assert found.dtype == np.float32 and found.shape == (10, 2)
    assert found[:, 1].tolist() == pytest.approx([answer["score"] for answer in answers])
    assert found.sum(axis=1) == pytest.approx(1)
    assert predictor.predict(RECORDS).tolist() == [answer["label"] for answer in answers]


def test_records_are_objects_texts_and_rows_in_any_sequence(predictor: Predictor) -> None:
    rows = (json.loads(RECORDS[0]), RECORDS[0], f"|{RECORDS[0]}|,1\n")
    assert len(set(predictor.predict_proba(rows)[:, 1].tolist())) == 1
    assert predictor.predict(np.array(RECORDS)).tolist() == predictor.predict(RECORDS).tolist()
    assert predictor.predict_proba([]).shape == (0, 2)
    assert predictor.predict([]).tolist() == []


def test_what_cannot_be_scored_is_named(predictor: Predictor) -> None:
    with pytest.raises(UserError, match="record 3: "):
        predictor.predict_proba([*RECORDS[:2], "{broken"])
    with pytest.raises(UserError, match="of type str, but must be a list"):
        predictor.predict(RECORDS[0])


def test_a_frame_is_refused_and_its_column_taken(predictor: Predictor) -> None:
    frame = pd.DataFrame({"text": RECORDS, "label": 0})
    with pytest.raises(UserError, match=r"of type DataFrame, .* one column of a DataFrame"):
        predictor.predict_proba(frame)
    assert predictor.predict_proba(frame["text"]).shape == (10, 2)


def test_labels_are_those_of_the_answers_right_at_the_threshold(predictor: Predictor) -> None:
    score = float(predictor.predict_proba(RECORDS[:1])[0, 1])
    # In float32 this is the score itself.
    below = copy.copy(predictor)
    below.threshold = score - 1e-9
    assert below.answers(RECORDS[:1])[0]["label"] == 1
    assert below.predict(RECORDS[:1]).tolist() == [1]


def test_the_threshold_is_the_exports(trained: Trained, predictor: Predictor) -> None:
    assert predictor.threshold == 0.5
    assert len(predictor.label_words) == 2


def test_loading_is_light(kept: Path) -> None:
    program = (
        "import results, sys\n"
        f"results.load({str(kept / 'best')!r}).predict_proba(['{{}}'])\n"
        "print(*{'tensorflow', 'keras', 'optuna', 'pandas', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
