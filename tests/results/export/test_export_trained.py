"""A model that a search has trained and chosen, in every format, on 1,000 held-out records."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from data import synthetic
from data.records import padded_lengths
from results.export.formats import MODEL_FORMATS
from results.study import Store, result_to_export as exported_by
from tests.commands import call
from tests.results.export.test_stand_alone import run as stand_alone
from tests.results.runtimes import fresh_scores

ROWS = 4000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def write_log(path: Path) -> None:
    """Write a synthetic log in which each 25th record is long, up to twice what a model sees."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quotechar="|", lineterminator="\n")
        for number, (record, label) in enumerate(synthetic.generate(ROWS)):
            if number % 25 == 0:
                text = " ".join(["a long comment"] * (1 + 37 * (number // 25) % 80))
                record = json.dumps({**json.loads(record), "requestPayload": {"text": text}})
            rows.writerow([record, label])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """The winner of a search of two trials, in every format."""
    runs = tmp_path_factory.mktemp("runs")
    write_log(runs / "access.csv")
    done = call(
        "search.run", "--data", runs / "access.csv", "--budget", "2", "--epochs", "2",
        "--pruner", "none", "--baselines", "linear", "--study", "run", "--out", runs,
        "--workers", "1",
    )  # fmt: skip
    assert done.status == 0, done.err
    done = call(
        "results.export", runs / "run", "--to", runs / "all", "--format", ",".join(MODEL_FORMATS),
        "--threshold", "cost=1:10",
    )  # fmt: skip
    assert done.status == 0, done.err
    return runs / "all", Store.open(runs / "run")


@pytest.mark.parametrize("name", MODEL_FORMATS)
def test_every_runtime_gives_the_scores_of_the_search(
    name: str, exported: tuple[Path, Store], tmp_path: Path
) -> None:
    folder, store = exported
    (champion,) = [result for result in store.results() if result.name == store.champion]
    scores = store.scores(exported_by(store, champion))
    assert scores is not None
    rows = np.asarray(store.dataset.split.heldout)
    assert len(rows) == ROWS // 4
    assert len(set(padded_lengths(store.dataset.encoded.lengths[rows], "real").tolist())) >= 20
    assert store.dataset.encoded.lengths[rows].max() == 1024
    found = fresh_scores(name, folder, store.dataset.encoded, rows, tmp_path)
    assert len(set(found.tolist())) > len(rows) / 2
    np.testing.assert_allclose(found, scores["heldout"], rtol=0, atol=MODEL_FORMATS[name].tolerance)
    print(f"{name}: {np.abs(found - scores['heldout']).max():.2g} at most on {len(rows)} records")


def test_raw_lines_give_what_results_predict_gives(exported: tuple[Path, Store]) -> None:
    folder, store = exported
    log = Path(store.data["source"])
    lines = log.read_text(encoding="utf-8").splitlines()[-ROWS // 4 :]
    done = call("results.predict", folder, stdin="".join(f"{line}\n" for line in lines).encode())
    assert done.status == 0, done.err
    ours = [json.loads(line) for line in done.out.splitlines()]
    alone = stand_alone(folder, lines)
    np.testing.assert_allclose(
        [answer["score"] for answer in alone],
        [answer["score"] for answer in ours],
        rtol=0,
        atol=1e-5,
    )
    assert [answer["label"] for answer in alone] == [answer["label"] for answer in ours]
