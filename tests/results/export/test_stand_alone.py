"""The export's own predict.py needs numpy and onnxruntime only, and answers as the project does."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from data.records import LineReader, RowLayout
from results.export import Sample
from results.export.export import stand_alone_files
from results.export.preprocessing_doc import vectors_text
from results.scoring import Threshold, probabilities
from results.serving import Predictor, load_export, make_manifest, manifest_files
from tests.commands import ROOT
from tests.results.conftest import GIVEN, Trained, export_again

# Only numpy, onnxruntime and what onnxruntime asks for are in the machine that it is meant for.
GUARD = """
import runpy, sys
ALLOWED = {"numpy", "onnxruntime", "flatbuffers", "google", "packaging"}

class Guard:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        own = "records" if sys.path[0] == FOLDER else ""
        if top in sys.stdlib_module_names or top in ALLOWED or top == own:
            return None
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.argv = sys.argv[1:]
FOLDER = sys.argv[0].rpartition("/")[0]
sys.meta_path.insert(0, Guard())
runpy.run_path(sys.argv[0], run_name="__main__")
"""

ODD_LINES = {
    "access-log": [
        '{"query":{"q":"größe \\u00df 😀"},"path":"/a","timestamp":1}',
        '|{"path":"/a, b","headers":{}}|,1',
        '{"path":"/a"},0',
        "",
        "no record",
        "[1]",
        '|{"a":1}|,0,1',
        '|{"a":1}|,2',
        '{"a":1,"a":[1.0,1e16,NaN]}',
        "|a",
        '{"a":"\\ud800 İ Σ ΑΣ"}',
        '{"a":"\0"}',
        '{"a":"tab\tand \x01"}',
        "[" * 100_000,
        '{"a":' + "[" * 499 + "]" * 499 + "}",
        '{"a":' + "[" * 500 + "]" * 500 + "}",
    ],
    "jsonl": ['{"label":1,"q":"x"}', '{"q":{"label":1}}', "{}", "1", "", '{"q":'],
    "text": [
        "plain",
        '"a, b",1',
        'a,"b,0',
        "a,b,c",
        '" or 1=1 --',
        '"x" union select 1,1',
        "http://h/?a=1,0",
        '"over',
        'lines",1',
        "   ",
        "",
        "x" * 3000,
        "größe İ Σ ΑΣ 😀",
        "ü" * 2**24,
    ],
}


def run(folder: Path, lines: Sequence[str], file: Path | None = None) -> list[dict[str, Any]]:
    """Run the folder's predict.py on lines in a fresh, guarded process."""
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    words = [sys.executable, "-I", "-c", GUARD, str(folder / "predict.py")]
    if file is not None:
        file.write_bytes(content)
        words.append(str(file))
    done = subprocess.run(words, input=None if file else content, capture_output=True, cwd="/")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def stand_alone(
    kept: Path, trained: Trained, to: Path, format: str = "access-log", threshold: float = 0.5
) -> Path:
    """Export the small trained model as ONNX, with predict.py beside it."""
    return export_again(
        kept / "best",
        trained,
        to,
        preprocessing={**GIVEN, "format": format, "label_words": ["ham", "spam"]},
        threshold=Threshold(threshold, str(threshold)),
        formats=("keras", "onnx"),
        documents=lambda present, problems: stand_alone_files(),
    )


def test_the_files_are_those_of_the_project(kept: Path, trained: Trained, tmp_path: Path) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best")
    own = {path.name: path.read_bytes() for path in (ROOT / "data" / "records").glob("*.py")}
    assert {path.name: path.read_bytes() for path in (folder / "records").iterdir()} == own
    assert {f"records/{name}" for name in own} <= set(manifest_files(folder) or ())
    run(folder, ["x"])
    assert {path.name for path in folder.rglob("*") if "pycache" in path.name} == set()


@pytest.mark.parametrize("format", ODD_LINES)
def test_answers_are_those_of_the_project(
    format: str, kept: Path, trained: Trained, tmp_path: Path
) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best", format)
    lines = list(ODD_LINES[format])
    if format == "access-log":
        lines += trained.path.read_text("utf-8").splitlines()
    ours = Predictor.load(folder)
    reader = LineReader(ours.preprocessor.preprocessing)
    (records,) = reader.read([lines])
    expected = ours.answers(records)
    found = run(folder, lines, tmp_path / "a log")
    assert ["error" in answer for answer in found] == ["error" in answer for answer in expected]
    assert {"error" in answer for answer in found} == {True, False}
    good = [pair for pair in zip(found, expected, strict=True) if "error" not in pair[0]]
    scores = np.array([[answer["score"] for answer in pair] for pair in good])
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], rtol=0, atol=1e-5)
    for key in ("label", "label_word"):
        assert all(answer[key] == other[key] for answer, other in good)
    assert {answer["label_word"] for answer, _ in good} <= {"ham", "spam"}


def test_a_missing_file_and_a_reader_that_leaves_are_no_traceback(
    kept: Path, trained: Trained, tmp_path: Path
) -> None:
    program = shlex.join(
        [sys.executable, str(stand_alone(kept, trained, tmp_path / "b") / "predict.py")]
    )
    (tmp_path / "log").write_text('{"path":"/a"}\n' * 20_000)  # Answers that fill a pipe.

    def said(command: str) -> tuple[int, str, str]:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    status, out, err = said(f"{program} absent.csv")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ") and "absent.csv" in err
    status, out, err = said(f"{program} log | head -1")
    assert (status, out.count("\n"), err) == (0, 1, "")


def test_the_threshold_decides_here_and_there(kept: Path, trained: Trained, tmp_path: Path) -> None:
    lines = trained.path.read_text("utf-8").splitlines()[:40]
    scores = sorted(float(answer["score"]) for answer in run(
        stand_alone(kept, trained, tmp_path / "half"), lines
    ))  # fmt: skip
    middle = (scores[29] + scores[30]) / 2
    folder = stand_alone(kept, trained, tmp_path / "best", threshold=middle)
    assert sum(answer["label"] for answer in run(folder, lines)) == 10
    assert load_export(folder).threshold.value == middle
    ours = Predictor.load(folder).answers(lines)
    assert sum(answer["label"] == 1 for answer in ours) == 10


def test_the_vectors_hold(kept: Path, trained: Trained, tmp_path: Path) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best")
    exported = load_export(folder)
    rows = np.arange(len(trained.encoded))
    scores = probabilities(trained.model, trained.encoded, rows, padding="real")

    class Data:
        texts = trained.log.texts
        vocabulary = trained.vocabulary

    sample = Sample(trained.encoded, rows, scores, "real")
    made = [
        json.loads(line)
        for line in vectors_text(Data, sample, exported.preprocessing).splitlines()  # type: ignore[arg-type]
    ]
    assert {1024} < {vector["padded_length"] for vector in made}
    found = run(folder, [vector["raw"] for vector in made])
    np.testing.assert_allclose(
        [answer["score"] for answer in found],
        [vector["score"] for vector in made],
        rtol=0,
        atol=1e-5,
    )


def test_bytes_that_are_no_utf_8_spoil_one_line(
    kept: Path, trained: Trained, tmp_path: Path
) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best")
    answers = run(folder, ['{"a":1}', '{"a":"\udcff"}', '{"a":2}'])
    assert [list(answer) for answer in answers] == [
        ["score", "label", "label_word"],
        ["error"],
        ["score", "label", "label_word"],
    ]
    assert answers[1]["error"] == "is not UTF-8 at character 7"


def test_a_header_and_a_format(kept: Path, trained: Trained, tmp_path: Path) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best", "text")
    given = json.loads((folder / "preprocessing.json").read_text())
    given["row_layout"] = RowLayout(header=("text", "label")).as_json()
    (folder / "preprocessing.json").write_text(json.dumps(given))
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(json.dumps(make_manifest(folder)))
    command = [sys.executable, "-I", "-c", GUARD, str(folder / "predict.py")]
    lines = b"text,label\na,1\n"
    done = subprocess.run(command, input=lines, capture_output=True, check=True)
    assert done.stdout.count(b"\n") == 1
    assert b"the first line names the columns ('text,label'): it is not scored" in done.stderr
    command += ["--format", "text"]
    done = subprocess.run(command, input=lines, capture_output=True, check=True)
    assert (done.stdout.count(b"\n"), done.stderr) == (2, b"")


def test_no_lines_are_no_answers(kept: Path, trained: Trained, tmp_path: Path) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best")
    assert run(folder, []) == []
    shutil.move(folder, tmp_path / "moved")
    assert len(run(tmp_path / "moved", ['{"a":1}'] * 1500)) == 1500


def _changed(folder: Path) -> None:
    content = (folder / "vocabulary.json").read_text()
    (folder / "vocabulary.json").write_text(content.replace('"a"', '"b"'))


def _absent(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _reads_another_file(folder: Path) -> None:
    """Let the model take its weights from a file outside, as somebody who knows the manifest."""
    (folder.parent / "outside").write_bytes(bytes(2**16))
    model = onnx.load(folder / "model.onnx")
    weights = model.graph.initializer[0]
    weights.ClearField("float_data")
    weights.raw_data = b"x"
    onnx.external_data_helper.set_external_data(weights, "../outside")
    weights.ClearField("raw_data")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(json.dumps(make_manifest(folder)))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_changed, "vocabulary.json is not what was exported"),
        (_absent, "manifest.json"),
        (_reads_another_file, "External data path"),
    ],
)
def test_a_damaged_folder_is_one_line(
    kept: Path, trained: Trained, tmp_path: Path, damage: Any, says: str
) -> None:
    folder = stand_alone(kept, trained, tmp_path / "best")
    damage(folder)
    words = [sys.executable, "-I", "-c", GUARD, str(folder / "predict.py")]
    done = subprocess.run(words, input=b"{}\n", capture_output=True, cwd=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(f"error: '{folder}' cannot be loaded: ")
    assert says in done.stderr.decode() and done.stderr.count(b"\n") == 1
