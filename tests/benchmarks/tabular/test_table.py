"""The recorded tables: whole, and of the space that they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from data.common.errors import UserError
from results.leaderboard import build_leaderboard
from results.study import Store
from tests.benchmarks.tabular.made import small_space
from tests.benchmarks.tabular.table import FOLDER, check_covers, load, main, rows
from tests.commands import call

RECORDED = sorted(FOLDER.glob("*.csv"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_table_is_whole(path: Path) -> None:
    table = load(path)
    count = len(table)
    assert table.val_accuracy.shape == table.val_loss.shape == (count, table.reports)
    assert table.heldout_accuracy.shape == table.seconds.shape == (count,)
    complete = table.val_accuracy[table.is_complete]
    assert not np.isnan(complete).any()
    assert ((complete >= 0) & (complete <= 1)).all()
    # A curve has no gap: once it ends it has ended.
    missing = np.isnan(table.val_accuracy)
    assert (missing[:, 1:] >= missing[:, :-1]).all()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_each_point_has_the_hyperparameters_that_are_active(path: Path) -> None:
    table = load(path)
    for point in table.points:
        for entry in table.space.space:
            if all(condition.is_active(point) for condition in entry.conditions):
                value = point[entry.name]
                assert type(value) is type(entry.default)
                if hasattr(entry, "min_value"):
                    assert entry.min_value <= value <= entry.max_value
                else:
                    assert value in entry.values
    distinct = {tuple(sorted(point.items())) for point in table.points}
    # A point that is there again is a starting point, trained with another seed.
    assert len(table) - len(distinct) < 0.1 * len(table)
    assert len(np.unique(table.val_loss, axis=0)) == len(table)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_run_becomes_a_table(tmp_path: Path) -> None:
    done = call(
        "search.run", "--rows", "700", "--budget", "2", "--sampler", "random", "--pruner", "none",
        "--baselines", "linear", "--workers", "1", "--epochs", "2", "--study", "few",
        "--out", tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.err
    store = Store.open(tmp_path / "few")
    assert main([str(tmp_path / "few"), "--to", str(tmp_path / "few.csv")]) == 0
    table = load(tmp_path / "few.csv")
    ranked = {row.name: row for row in build_leaderboard(store).rows}
    assert len(table) == len(list(rows(store, ranked))) == 2
    assert table.is_complete.all()
    for point, trial in zip(table.points, store.trials(), strict=True):
        assert point.keys() == trial.hyperparameters.keys()
        for name, value in trial.hyperparameters.items():
            close = pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
            assert point[name] == close
    assert 0.5 < table.facts["linear"] <= 1
    assert (table.seconds > 0).all()
    before = (tmp_path / "few.csv").read_text()
    assert main([str(tmp_path / "few"), "--to", str(tmp_path / "few.csv"), "--append"]) == 0
    assert (tmp_path / "few.csv").read_text() == before
    # Other defaults than then are no other space.
    (tmp_path / "few.csv").write_text(re.sub(r'"default": \d+', '"default": 1', before))
    assert main([str(tmp_path / "few"), "--to", str(tmp_path / "few.csv"), "--append"]) == 0
    assert (tmp_path / "few.csv").read_text() == before
    (tmp_path / "few.csv").write_text(before.replace('"epochs": 2', '"epochs": 3'))
    with pytest.raises(UserError, match=r"few\.csv is of another log, space or number of epochs"):
        main([str(tmp_path / "few"), "--to", str(tmp_path / "few.csv"), "--append"])
    narrow = small_space()
    with pytest.raises(UserError, match=r"few: trial 0 has \w+ = .*, which the space of this code"):
        check_covers(narrow, store)
