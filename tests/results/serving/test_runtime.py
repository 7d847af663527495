"""What computes: ONNX Runtime, or Keras on request; what neither can load is one line."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from data.common import run
from results import predict, serve
from results.serving import MANIFEST, make_manifest
from tests.commands import ENVIRONMENT, ROOT
from tests.results.conftest import Trained, export_again, record, sample

Main = Callable[[Any], int]

SPACE = "tests.results.own_layer:Space"


def reseal(folder: Path, **more: object) -> None:
    """Write a manifest that fits, as someone who knows the format would."""
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).write_text(json.dumps({**make_manifest(folder), **more}))


def refusal(main: Main, capfd: pytest.CaptureFixture[str], *words: str | Path) -> str:
    port = ["--port", "0"] if main is serve.main else []
    with pytest.raises(SystemExit) as left:
        run(main, [*(str(word) for word in words), *port])
    said = capfd.readouterr()
    assert (left.value.code, said.out, said.err.count("\n")) == (2, "", 1), said.err
    assert said.err.startswith("error: ")
    return said.err


@pytest.fixture
def own(trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """An export whose network has a layer that only TensorFlow can compute."""
    from tests.results.own_layer import network

    (tmp_path / "artifacts").mkdir()
    model = network(trained.vocabulary.num_words)
    model.save(tmp_path / "artifacts" / "model.keras")
    to = tmp_path / "own"
    with caplog.at_level("INFO"):
        export_again(to, trained, to, protocol={"space": SPACE}, sample=sample(model, trained))
    said = [line for line in caplog.messages if not line.startswith(("checking", "writing"))]
    assert said == [
        f"'{to}' has no model.onnx: the layer incomplete (Incomplete) has no translation, and "
        "tf2onnx has none for it either; results.predict and results.serve take it with "
        f"--runtime keras --space {SPACE}"
    ]
    return to


@pytest.mark.parametrize("main", [predict.main, serve.main])
def test_what_onnx_cannot_express_is_served_by_keras_on_request(
    own: Path, main: Main, trained: Trained, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "onnx" in json.loads((own / MANIFEST).read_text())["missing"]
    said = refusal(main, capfd, own)
    assert f"error: '{own}' has no model.onnx: " in said
    assert said.endswith(f"; give --runtime keras --space {SPACE}\n")


BY_KERAS = """
import logging, sys
from data.common import UserError
from results.predict import main
logging.basicConfig(level=logging.INFO, format="%(message)s")
words = [sys.argv[1], "--runtime", "keras"]
try:
    main(words)
except UserError as error:
    print("refused", file=sys.stderr)
main([*words, "--space", sys.argv[2]])
"""


@pytest.mark.slow
@pytest.mark.timeout(300)  # Keras' start takes a minute on a busy machine.
def test_keras_serves_a_layer_of_ones_own_and_says_so(own: Path) -> None:
    words, line = [sys.executable, "-c", BY_KERAS, str(own), SPACE], f"{record(1, False, 20)}\n"
    done = subprocess.run(
        words, cwd=ROOT, env=ENVIRONMENT, input=line, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    refused, says = done.stderr.splitlines()
    assert refused == "refused" and says.startswith("Keras computes the scores; it is warm after")
    assert next(iter(json.loads(done.stdout))) == "score"


@pytest.mark.parametrize("main", [predict.main, serve.main])
def test_an_export_of_an_earlier_version_says_what_to_do(
    exported: Path, main: Main, capfd: pytest.CaptureFixture[str]
) -> None:
    (exported / "model.onnx").unlink()
    reseal(exported)
    said = refusal(main, capfd, exported)
    assert said.endswith("export it again, or give --runtime keras\n")


def test_both_runtimes_answer_alike(
    exported: Path, trained: Trained, capfd: pytest.CaptureFixture[str]
) -> None:
    found = []
    for runtime in ("onnx", "keras"):
        assert predict.main([str(exported), str(trained.path), "--runtime", runtime]) == 0
        lines = capfd.readouterr().out.splitlines()
        found.append([json.loads(line)["score"] for line in lines])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("main", [predict.main, serve.main])
@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08\x12\x02ab"])
def test_a_foreign_onnx_file_is_one_line(
    exported: Path, main: Main, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    (exported / "model.onnx").write_bytes(content)
    reseal(exported)
    said = refusal(main, capfd, exported)
    assert f"'{exported / 'model.onnx'}' cannot be loaded: " in said


@pytest.mark.parametrize("missing", [[], "onnx", 3])
def test_a_manifest_that_lists_what_is_missing_in_no_object_is_damaged(
    exported: Path, missing: object, capfd: pytest.CaptureFixture[str]
) -> None:
    reseal(exported, missing=missing)
    assert "manifest.json: missing is no object" in refusal(predict.main, capfd, exported)


def with_config(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the config of a .keras file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    change(config)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)


def unknown_units(config: dict[str, Any]) -> None:
    config["config"]["layers"][-1]["config"]["units"] = "many"


def runs_a_command(config: dict[str, Any]) -> None:
    config["config"]["layers"][-1]["config"]["activation"] = {
        "module": "os", "class_name": "function", "config": "system",
        "registered_name": "function",
    }  # fmt: skip
    config["config"]["layers"].append(
        {"module": "subprocess", "class_name": "run", "config": {"args": ["touch", "ran"]}}
    )


def with_code(path: Path) -> None:
    inputs = keras.Input((None,), dtype="int32")
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        with_code,
        lambda path: path.write_bytes(b"PK\3\4 no archive"),
        lambda path: with_config(path, unknown_units),
        lambda path: with_config(path, runs_a_command),
    ],
)
def test_a_hostile_or_damaged_keras_file_is_one_line_and_nothing_of_it_runs(
    exported: Path, damage: Callable[[Path], object], capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(exported.parent)
    damage(exported / "model.keras")
    reseal(exported)
    said = refusal(predict.main, capfd, exported, "--runtime", "keras")
    assert f"'{exported / 'model.keras'}' cannot be loaded by Keras" in said
    assert not Path("ran").exists()
