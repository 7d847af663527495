"""The model card is read by the hub's own library, and shows no value as markup."""

from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import ModelCard

from data.records import DROPPED_KEYS, Preprocessing
from results.export.formats import MODEL_FORMATS
from results.export.model_card import CardSubject, code, model_card, table
from results.leaderboard import Leaderboard, escaped
from results.scoring import Threshold
from tests.results.boards import board, everything

EVIL = "a|b `c` ```\n# <img src=x onerror=alert(1)> [x](javascript:alert(1)) ---"


def subject(
    leaderboard: Leaderboard | None = None, name: str = "trial 17", **values: Any
) -> CardSubject:
    board = leaderboard or everything()
    row = board.find(name)
    assert row is not None
    given: dict[str, Any] = {
        "row": row,
        "leaderboard": board,
        "preprocessing": Preprocessing("access-log", DROPPED_KEYS, True, "real"),
        "threshold": Threshold(0.25, "fpr=0.001", 0.75, 0.0005),
        "heldout": Threshold(0.25, "0.25", 0.7321, 0.0123),
        "formats": tuple(MODEL_FORMATS),
        "problems": {},
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        **values,
    }
    return CardSubject(**given)


def test_the_hub_reads_its_metadata() -> None:
    data = ModelCard(model_card(subject())).data
    assert (data.library_name, data.pipeline_tag) == ("keras", "text-classification")
    assert {"onnx", "litert"} <= set(data.tags)
    assert data.model_name == "Model 3 (trial 17)"
    row = everything().find("trial 17")
    assert row is not None
    found = {result.metric_type: result.metric_value for result in data.eval_results}
    assert found == {"accuracy": row.heldout_accuracy, "f1": row.f1, "roc_auc": row.roc_auc}
    assert data.metrics == list(found)
    assert {result.dataset_split for result in data.eval_results} == {"held-out"}


def test_a_trial_without_scores_has_a_card_without_results() -> None:
    data = ModelCard(model_card(subject(name="trial 9"))).data
    assert data.metrics == []
    assert not data.eval_results


def test_it_says_what_was_measured() -> None:
    said = model_card(subject())
    row = everything().find("trial 17")
    assert row is not None
    assert "Model 3 (trial 17) beats Model 2 by 1.6 points (.9960 against .9800" in said
    assert "| **Model 3 (trial 17)** | .9960 | .9898-.9984 |" in said
    assert "| Model 2 | .9800 |" in said
    assert "trial 12" not in said  # another trial is no rival of this one's card
    assert "above **0.25** (`--threshold fpr=0.001`)" in said
    assert "finds .7500 of the malicious records and calls .0005 of the normal ones" in said
    assert "on the held-out rows .7321 and .0123" in said
    for heading in ("Data", "Protocol", "Metrics", "Threshold", "Intended use", "Limits"):
        assert f"\n## {heading}\n" in said


def test_it_speaks_the_log_s_own_words() -> None:
    board = replace(everything(), data={**everything().data, "label_words": ["ham", "sp*m"]})
    said = model_card(subject(board, preprocessing=Preprocessing("text", (), True, "real")))
    assert r"that a text has label 1 (sp\*m) and not label 0 (ham)." in said
    assert r"finds .7500 of the sp\*m records and calls .0005 of the ham ones sp\*m" in said
    assert "- label 0: `ham`\n- label 1: `sp*m`\n" in said
    assert "decide alone" in said
    data = ModelCard(said).data
    assert {result.task_name for result in data.eval_results} == {"Telling sp*m from ham"}
    for word in ("malicious", "attack", "access-log", "application", "request"):
        assert word not in said.lower().replace("predict folder access.log", ""), word


def test_it_lists_the_formats_that_are_there() -> None:
    said = model_card(subject(formats=("keras",), problems={"onnx": "the layer x (Foo) is odd"}))
    assert "model.keras" in said
    assert "model.onnx" not in said
    assert "predict.py" not in said
    assert "It could not be written as onnx: the layer x (Foo) is odd." in said
    assert "`python -m results.predict FOLDER access.log --runtime keras`" in said
    assert "predict.py" in model_card(subject())
    assert "--runtime" not in model_card(subject())


@pytest.mark.parametrize(("space", "is_said"), [("model3", False), ("my_pkg.spaces:Mine", True)])
def test_it_says_where_layers_of_the_users_own_come_from(space: str, is_said: bool) -> None:
    said = model_card(subject(replace(everything(), protocol={"space": space})))
    assert 'keras.saving.load_model("hf://USER/NAME")' in said
    assert "Use Keras 3.15.1 or later" in said
    assert ("of `my_pkg.spaces:Mine`'s own, import `my_pkg.spaces` first" in said) == is_said
    said = model_card(subject(replace(everything(), protocol={"space": space}), formats=("keras",)))
    assert ("access.log --runtime keras --space my_pkg.spaces:Mine`" in said) == is_said


def test_a_folder_of_this_machine_is_not_told() -> None:
    board = replace(everything(), data={"source": "/home/somebody/logs/access.csv"})
    said = model_card(subject(board))
    assert "somebody" not in said
    assert ModelCard(said).data.eval_results[0].dataset_name == "access.csv"


def test_no_value_becomes_markup() -> None:
    board = everything()
    rows = tuple(replace(row, name=EVIL) if row.name == "trial 17" else row for row in board.rows)
    evil = replace(board, data={"source": EVIL, "format": EVIL}, protocol={EVIL: EVIL}, rows=rows)
    said = model_card(subject(evil, EVIL, problems={"onnx": EVIL}, versions={EVIL: EVIL}))
    body = said.split("\n---\n", 1)[1]
    plain = "\n".join(line for line in body.splitlines() if "source: " not in line)
    for line in plain.splitlines():
        outside = "".join(line.split("````")[::2])
        assert "](javascript" not in outside.replace("\\]", "")
    for line in body.splitlines():
        outside = "".join(line.split("````")[::2])  # what stands in no code
        assert "<img" not in outside.replace("\\<", "")
        assert not line.startswith(("# <", "---"))
    assert ModelCard(said).data.eval_results  # and the metadata is still whole


@pytest.mark.parametrize("value", ["a", "`", "a`b", "``", "", "|", 3])
def test_code_is_fenced_by_more_ticks_than_it_holds(value: object) -> None:
    made = code(value)
    fence = made[: len(made) - len(made.lstrip("`"))]
    inner = made[len(fence) : -len(fence)]
    assert made.endswith(fence)
    assert fence not in inner.strip()
    assert inner.strip() == str(value)


def test_pieces() -> None:
    assert escaped("a_b <c>\n[d](e)") == r"a\_b &lt;c&gt; \[d\](e)"
    assert escaped("~~ham~~ $x$") == r"\~\~ham\~\~ \$x\$"
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_refit_says_what_it_was_trained_on_and_compared_with() -> None:
    first = {"trial 17": range(2), "trial 12": range(9), "model2": range(40), "linear": range(20)}
    refits = {"trial 17, refit": range(1), "model2, refit": range(30)}
    said = model_card(subject(board({**first, **refits}), "trial 17, refit"))
    assert said.count("\n# ") == 1 and "# Model 3 (trial 17, refit)\n" in said
    assert "is that champion trained again on all training rows" in said
    assert "**Model 3 (trial 17, refit)** | .9990 |" in said
    for rival in ("Model 3 (trial 17)", "Model 2", "Model 2, refit", "the linear baseline"):
        assert f"| {rival} |" in said
    assert "trial 12" not in said
    assert "kept from before the refit, when on the validation rows it finds .7500 of" in said
    assert "on the held-out rows this model, trained on those as well, has .7321 and .0123." in said
    before = model_card(subject(board({**first, **refits})))
    assert "| Model 2, refit |" not in before and "trained on those as well" not in before
