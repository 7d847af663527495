"""Optimizers and schedules of drawn models."""

from typing import Any

import keras
import pytest

from spaces.choices import Training
from spaces.space import FINAL_SHARE, make_optimizer

ROWS, EPOCHS, BATCH = 15_059, 3, 128
STEPS = 118 * EPOCHS


def _training(**changes: Any) -> Training:
    options: dict[str, Any] = {
        "optimizer": "nadam",
        "learning_rate": 0.01,
        "weight_decay": None,
        "schedule": "constant",
        "gradient_clip": 0.0,
        "batch_size": BATCH,
    }
    return Training(**(options | changes))


def _make(**changes: Any) -> Any:
    return make_optimizer(_training(**changes), ROWS, EPOCHS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmsprop", keras.optimizers.RMSprop),
        ("nadam", keras.optimizers.Nadam),
        ("adamw", keras.optimizers.AdamW),
        ("adam", keras.optimizers.Adam),
    ],
)
def test_each_name_gives_its_optimizer_at_the_drawn_rate(name: str, expected: Any) -> None:
    optimizer = _make(optimizer=name, learning_rate=0.004)
    assert type(optimizer) is expected
    assert float(optimizer.learning_rate) == pytest.approx(0.004)
    assert optimizer.global_clipnorm is None


def test_clipping_and_weight_decay_arrive() -> None:
    optimizer = _make(optimizer="adamw", weight_decay=0.02, gradient_clip=5.0)
    assert optimizer.global_clipnorm == 5.0
    assert optimizer.weight_decay == 0.02


def _rates(schedule: str, **size: Any) -> list[float]:
    optimizer = make_optimizer(_training(schedule=schedule), size.get("rows", ROWS), EPOCHS)
    rate = keras.optimizers.schedules.deserialize(optimizer.get_config()["learning_rate"])
    return [float(rate(step)) for step in range(STEPS + 20)]


def test_cosine_falls_from_the_drawn_rate_to_its_end_with_the_training() -> None:
    rates = _rates("cosine")
    assert rates[0] == pytest.approx(0.01)
    assert rates == sorted(rates, reverse=True)
    assert rates[STEPS] == pytest.approx(0.01 * FINAL_SHARE)
    assert rates[STEPS - 5] > rates[STEPS]
    assert rates[-1] == pytest.approx(rates[STEPS])


def test_warmup_rises_to_the_drawn_rate_and_then_falls() -> None:
    rates = _rates("warmup-cosine")
    peak = rates.index(max(rates))
    assert rates[0] < 0.001
    assert max(rates) == pytest.approx(0.01)
    assert peak == round(STEPS / 10)
    assert rates[STEPS] == pytest.approx(0.01 * FINAL_SHARE)
    assert rates[-1] == pytest.approx(0.01 * FINAL_SHARE)


def test_a_schedule_survives_the_smallest_training() -> None:
    for schedule in ("cosine", "warmup-cosine"):
        rates = _rates(schedule, rows=1)
        assert max(rates) == pytest.approx(0.01)
        assert rates[-1] == pytest.approx(0.01 * FINAL_SHARE)
