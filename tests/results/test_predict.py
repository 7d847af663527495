"""Raw lines in, the search's scores out, also in another process and with bad lines between."""

import gzip
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common.command import run
from data.common.errors import UserError
from data.records import DROPPED_KEYS, LineReader, Preprocessing, RowLayout, clean
from results.export import onnx_bytes
from results.predict import main
from results.scoring import OnnxScorer, probabilities
from results.serving import (
    MANIFEST,
    Predictor,
    batches_of_stream,
    load_export,
    load_model,
    make_manifest,
)
from tests.results.conftest import GIVEN, Trained, export_again, record
from tests.results.serving.running import LOADED

ROOT = Path(__file__).parents[2]


def answers(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_new_process_gives_the_scores_of_the_search(exported: Path, trained: Trained) -> None:
    rows = np.arange(len(trained.encoded))
    expected = probabilities(trained.model, trained.encoded, rows, padding="real")
    lines = trained.path.read_bytes().splitlines(keepends=True)
    lines.insert(3, b"no record\n")
    lines.insert(100, b"\n")
    lines.insert(200, b"\xff\xfe\n")
    done = subprocess.run(
        [sys.executable, "-m", "results.predict", str(exported)],
        cwd=ROOT,
        input=b"".join(lines),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    found = answers(done.stdout.decode())
    assert len(found) == len(lines)
    assert [index for index, answer in enumerate(found) if "error" in answer] == [3, 100, 200]
    good = [answer for answer in found if "error" not in answer]
    scores = np.array([answer["score"] for answer in good])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert [answer["label"] for answer in good] == (expected > 0.5).astype(int).tolist()
    assert all(list(answer) == ["score", "label", "label_word", "latency_us"] for answer in good)
    assert all(answer["label_word"] == str(answer["label"]) for answer in good)
    assert all(answer["latency_us"] > 0 for answer in good)


def test_a_file_a_compressed_file_and_bare_records_score_alike(
    exported: Path, trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = trained.path.read_text().splitlines()[:40]
    bare = "".join(row.strip("|").rpartition("|,")[0] + "\n" for row in rows)
    assert bare.startswith("{")
    (tmp_path / "bare.txt").write_text(bare)
    with gzip.open(tmp_path / "rows.csv.gz", "wt") as file:
        file.write("\n".join(rows))
    records = [json.loads(line) for line in bare.splitlines()]
    (tmp_path / "list.json").write_text(json.dumps(records, indent=1))
    expected = probabilities(trained.model, trained.encoded, np.arange(40), padding="real")
    for name in ("bare.txt", "rows.csv.gz", "list.json"):
        assert main([str(exported), str(tmp_path / name)]) == 0
        scores = [answer["score"] for answer in answers(capsys.readouterr().out)]
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_scores_do_not_change_with_batch_order_or_size(
    predictor: Predictor, trained: Trained
) -> None:
    texts = trained.log.texts[:60]
    together = predictor.scores(texts)
    assert together.dtype == np.float32
    np.testing.assert_allclose(predictor.scores(texts[::-1])[::-1], together, atol=1e-6)
    alone = np.concatenate([predictor.scores([text]) for text in texts])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert predictor.scores([]).shape == (0,)


def test_only_the_last_1024_characters_count(predictor: Predictor) -> None:
    text = clean(record(1, True, 1300))
    other = clean(record(2, False, 1300))
    first, second, third = predictor.scores([text, "x" * 500 + text[-1024:], other])
    assert first == pytest.approx(second, abs=1e-6)
    assert abs(first - third) > 1e-4


def test_a_full_padding_export_keeps_its_padding(
    exported: Path, trained: Trained, tmp_path: Path
) -> None:
    given = {**GIVEN, "dropped_keys": DROPPED_KEYS, "padding": "full"}
    full = export_again(exported, trained, tmp_path / "full", preprocessing=given)
    expected = probabilities(trained.model, trained.encoded, np.arange(20), padding="full")
    found = Predictor.load(full).scores(trained.log.texts[:20])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_text_export_takes_any_line(exported: Path, trained: Trained, tmp_path: Path) -> None:
    given = {**GIVEN, "format": "text", "dropped_keys": []}
    text = export_again(exported, trained, tmp_path / "text", preprocessing=given)
    predictor = Predictor.load(text)
    texts = ["free shoes", '"free shoes",1', "", "{no json", "free shoes,0", " ", '" or 1=1 --']
    found = predictor.answers(texts)
    assert [answer["score"] for answer in found] == pytest.approx(predictor.scores(texts).tolist())
    bad = predictor.answers([{"path": "/"}, "a\0", 7])
    assert [list(answer) for answer in bad] == [["error"]] * 3


HEADER = RowLayout(header=("text", "label"))


@pytest.mark.parametrize(
    ("options", "lines", "texts"),
    [
        ([], ['"free shoes",1', "free shoes", ""], ["free shoes", "free shoes", None]),
        ([], ['" or 1=1 --', '"x" union select 1,1', "   "], None),
        ([], ["text,label", '"a', 'b",1', "c"], ["a\nb", "c"]),
        (["--format", "text"], ["text,label", "a,1", '"b"'], None),
        (["--format", "row"], ["text,label", "a,9", "b,c,d"], ["a", None]),
        (["--format", "json"], ['"a\\n,1"', "b"], ["a\n,1", None]),
    ],
)
def test_bare_text_is_the_text(
    options: list[str],
    lines: list[str],
    texts: list[str | None] | None,
    exported: Path,
    trained: Trained,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {**GIVEN, "format": "text", "dropped_keys": [], "row_layout": HEADER.as_json()}
    export = export_again(exported, trained, tmp_path / "text", preprocessing=given)
    expected = lines if texts is None else texts
    scores = Predictor.load(export).scores([text or "" for text in expected]).tolist()
    content = "".join(f"{line}\n" for line in lines).encode()
    (tmp_path / "lines").write_bytes(content)
    assert main([str(export), str(tmp_path / "lines"), *options]) == 0
    from_file = answers(capsys.readouterr().out)
    stdin = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main([str(export), *options]) == 0
    for found in (from_file, answers(capsys.readouterr().out)):
        assert ["error" in answer for answer in found] == [text is None for text in expected]
        good = [
            (answer["score"], score)
            for answer, score in zip(found, scores, strict=True)
            if "score" in answer
        ]
        assert [pair[0] for pair in good] == pytest.approx([pair[1] for pair in good], abs=1e-6)


def test_a_header_is_told(
    exported: Path, trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = {**GIVEN, "format": "text", "dropped_keys": [], "row_layout": HEADER.as_json()}
    export = export_again(exported, trained, tmp_path / "text", preprocessing=given)
    (tmp_path / "lines").write_text("text,label\na,1\n")
    with caplog.at_level("INFO"):
        main([str(export), str(tmp_path / "lines")])
    assert "the first line names the columns ('text,label'): it is not scored" in caplog.messages


def test_rows_of_a_log_that_has_none_are_refused(
    exported: Path, trained: Trained, tmp_path: Path
) -> None:
    whole = RowLayout(labels=(), is_whole=True).as_json()
    given = {**GIVEN, "format": "text", "dropped_keys": [], "row_layout": whole}
    export = export_again(exported, trained, tmp_path / "text", preprocessing=given)
    with pytest.raises(UserError, match=r"--format row: the log .* has no rows; leave it out"):
        main([str(export), "--format", "row"])


def test_a_slow_writer_is_answered_though_a_quote_is_open(
    exported: Path, trained: Trained, tmp_path: Path
) -> None:
    given = {**GIVEN, "format": "text", "dropped_keys": []}
    export = export_again(exported, trained, tmp_path / "text", preprocessing=given)
    reader = LineReader(Predictor.load(export).preprocessor.preprocessing)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        records = reader.read(batches_of_stream(stream, wait=0.01))
        os.write(writing, b'" or 1=1 --\n')
        assert [next(records) for _ in range(2)] == [[], ['" or 1=1 --']]
        os.write(writing, b'"a\n')
        threading.Timer(0.1, os.write, (writing, b'b",1\n')).start()
        assert [found for found in itertools.islice(records, 4) if found] == [["a\nb"]]
        os.close(writing)


def test_the_log_s_own_words_are_answered(exported: Path, trained: Trained, tmp_path: Path) -> None:
    given = {**GIVEN, "label_words": ["ham", "spam"]}
    own = export_again(exported, trained, tmp_path / "own", preprocessing=given)
    predictor = Predictor.load(own)
    (found,) = predictor.answers(['{"path":"/a"}'])
    assert found["label_word"] == ("ham", "spam")[int(str(found["label"]))]
    words = {predictor.answer(score, 1.0)["label_word"] for score in (0.1, 0.9)}
    assert words == {"ham", "spam"}


def test_an_export_of_before_there_were_words_answers_with_digits(exported: Path) -> None:
    path = exported / "preprocessing.json"
    given = json.loads(path.read_text())
    assert given.pop("label_words") == ["0", "1"]
    path.write_text(json.dumps(given))
    (exported / MANIFEST).unlink()
    (exported / MANIFEST).write_text(json.dumps(make_manifest(exported)))
    answer = Predictor.load(exported).answers(['{"path":"/a"}'])[0]
    assert answer["label_word"] == str(answer["label"])


@pytest.mark.parametrize("words", [["ham"], ["ham", 1], "ab", 3, None])
def test_words_that_are_none_are_refused(words: object) -> None:
    with pytest.raises(ValueError, match=r"label_words is .*, but must be two texts"):
        Preprocessing.of({**GIVEN, "label_words": words})


@pytest.mark.parametrize(
    "line",
    [
        record(1, True, 40),
        '{"b": "\\udc80\\u0000ü", "a": 1e16, "headers": {}, "n": NaN, "a": [1.50, {"c": null}]}',
    ],
)
def test_a_parsed_record_is_cleaned_as_its_line(predictor: Predictor, line: str) -> None:
    text = predictor.preprocessor.text(line)
    assert predictor.preprocessor.text(json.loads(line)) == text
    assert "headers" not in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("hello\n", "not JSON"),
        ("[1, 2]\n", "2 columns"),
        ("|{}|,0,1\n", "3 columns"),
        ("|[1, 2]|,0\n", "not an object"),
        ('{"path": "/a\0"}\n', "NUL"),
        ("\udcff\n", "UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"n": ' + "9" * 5000 + "}", "too long"),
        ("x" * 2**24, "longer than"),
    ],
)
def test_a_bad_line_is_answered_in_its_place(predictor: Predictor, line: str, says: str) -> None:
    good = record(1, False, 20)
    first, bad, last = predictor.answers([good, line, good])
    assert first["score"] == pytest.approx(last["score"], abs=1e-6)
    assert list(bad) == ["error"]
    assert says in str(bad["error"])
    json.dumps(bad)


def test_a_score_that_is_not_finite_is_an_error(exported: Path) -> None:
    model = load_model(exported / "model.keras")
    model.layers[-1].bias.assign([np.nan])
    predictor = Predictor(load_export(exported), OnnxScorer(onnx_bytes(model)))
    found = predictor.answers([record(1, False, 20)])
    assert found == [{"error": "the model's score is not finite"}]


def test_an_endless_line_is_cut_and_refused(predictor: Predictor) -> None:
    stream = io.BytesIO(b"x" * (2**24 + 2**20) + b"\n" + record(1, False, 20).encode() + b"\n")
    lines = [line for batch in batches_of_stream(stream) for line in batch]
    assert len(lines) == 2
    assert len(lines[0]) <= 2**24 + 2**18
    long, good = predictor.answers(lines)
    assert "longer than" in str(long["error"])
    assert "score" in good


AFTERWARDS = f"""
import sys
from results.predict import main
main(sys.argv[1:])
{LOADED}
print(loaded)
"""


def test_a_slow_writer_is_answered_at_once_by_onnx_runtime_alone(exported: Path) -> None:
    command = [sys.executable, "-c", AFTERWARDS, str(exported)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(3):
            process.stdin.write(record(number, False, 20).encode() + b"\n")
            process.stdin.flush()
            assert "score" in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.stdout.read() == b"[]\n"
        assert process.wait(timeout=20) == 0


RUN = [sys.executable, "-m", "results.predict"]
# A child's `ru_maxrss` begins at its parent's, which has TensorFlow.
MEASURED = """
import re, sys
from pathlib import Path
from results.predict import main
main(sys.argv[1:])
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def cost(command: list[str], lines: bytes) -> tuple[float, str]:
    """Return a process's CPU seconds and what it wrote to stderr."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(lines)
        given.seek(0)
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=given, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode == 0
        return usage.ru_utime + usage.ru_stime, said.read().decode()


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="a child's CPU time is not told here")
def test_three_lines_cost_not_much_more_than_the_import_of_onnx_runtime(exported: Path) -> None:
    """Keras took thirty times as much."""
    lines = f"{record(1, True, 40)}\n".encode() * 3
    imports = [sys.executable, "-c", "import numpy, onnxruntime"]
    alone = min(cost(imports, b"")[0] for _ in range(3))
    assert min(cost([*RUN, str(exported)], lines)[0] for _ in range(3)) < 5 * alone


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by Linux")
@pytest.mark.parametrize(("length", "count"), [(40, 3), (40, 4_000), (1300, 1_000)])
def test_any_number_of_lines_takes_less_than_300_mb(
    exported: Path, length: int, count: int
) -> None:
    lines = f"{record(1, True, length)}\n".encode() * count
    _, kibibytes = cost([sys.executable, "-c", MEASURED, str(exported)], lines)
    assert int(kibibytes) * 1024 < (150e6 if count == 3 else 300e6)


def test_the_first_record_s_latency_is_that_of_later_ones(exported: Path) -> None:
    """What is done once, as loading, is none of it: it took a thousand times as long."""
    line = record(1, True, 40).encode() + b"\n"
    first, later = [], []
    for _ in range(3):
        with subprocess.Popen(
            [*RUN, str(exported)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            for latencies in (first, *[later] * 20):
                process.stdin.write(line)
                process.stdin.flush()
                latencies.append(json.loads(process.stdout.readline())["latency_us"])
            process.stdin.close()
    assert min(first) < 20 * np.median(later)


def test_bad_input_is_one_line_and_exit_2(
    exported: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (exported / "model.onnx").write_bytes(b"")
    with pytest.raises(SystemExit) as exit_status:
        run(main, [str(exported)])
    assert exit_status.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "model.onnx is not what was exported" in err


def test_a_missing_file_is_a_user_error(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        main([str(exported), str(tmp_path / "absent.csv")])
