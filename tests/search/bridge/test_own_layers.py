"""A space with layers of its own: its winner loads where, and only where, the user names it."""

from pathlib import Path

import pytest

from tests.commands import call

SPACE = "tests.search.own_layer_space:OwnLayerSpace"


@pytest.mark.slow
def test_layers_of_ones_own_load_where_their_space_is_named(tmp_path: Path) -> None:
    done = call(
        "search.run", "--rows", "600", "--baselines", "none", "--space", SPACE, "--budget", "1",
        "--epochs", "1", "--workers", "1", "--out", tmp_path, "--study", "own",
    )  # fmt: skip
    assert done.status == 0, done.err
    best = tmp_path / "own" / "best"
    assert "'tests.own>Doubled'" not in (tmp_path / "own" / "report.html").read_text()

    line = b'{"path":"/a"}\n'
    # tf2onnx knows what the layer is made of, so that ONNX Runtime needs no code of the space.
    answered = call("results.predict", best, stdin=line)
    assert (answered.status, answered.out.count("score")) == (0, 1), answered.err
    in_keras = call("results.predict", best, "--runtime", "keras", "--space", SPACE, stdin=line)
    assert (in_keras.status, in_keras.out.count("score")) == (0, 1), in_keras.err
    refused = call("results.predict", best, "--runtime", "keras", stdin=line)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.endswith(f"layers of its own need --space {SPACE}\n")
    assert refused.err.count("\n") == 1
    again = call("results.export", "own", "--out", tmp_path, "--to", tmp_path / "to")
    assert again.status == 2
    assert again.err.endswith(f"layers of its own need --space {SPACE}\n")
