"""`--summary` at the end of a log, and what is still answered if a signal ends the command."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data import synthetic
from results.drift import PROFILE
from results.predict import main
from results.serving import MANIFEST, make_manifest
from tests.commands import ENVIRONMENT, ROOT
from tests.results.conftest import Trained, record


def test_it_follows_the_answers(
    exported: Path, trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(trained.path.read_text() + "no record\n")
    assert main([str(exported), str(tmp_path / "log"), "--summary"]) == 0
    found = capsys.readouterr()
    answers = [json.loads(line) for line in found.out.splitlines()]
    assert len(answers) == 281
    labels = Counter(answer["label"] for answer in answers if "label" in answer)
    labeled = ", ".join(f"{count} labeled {label}" for label, count in sorted(labels.items()))
    counts, *drift = found.err.splitlines()
    assert counts == f"281 records: {labeled}, 1 with an error"
    assert len(drift) == 4
    assert all("0.00 % of" in line for line in drift[:2])
    assert all("stability index 0.000, as they were" in line for line in drift[2:])


def test_it_tells_that_a_log_is_another_one(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [text + "\n" for text, _ in synthetic.generate(300, seed=3)]
    (tmp_path / "log").write_text("".join(lines))
    assert main([str(exported), str(tmp_path / "log"), "--summary"]) == 0
    said = capsys.readouterr().err
    assert "they have shifted" in said.splitlines()[-1]


def test_an_export_of_an_earlier_version_has_no_drift(
    exported: Path, trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    (exported / PROFILE).unlink()
    (exported / MANIFEST).unlink()
    (exported / MANIFEST).write_text(json.dumps(make_manifest(exported)))
    assert main([str(exported), str(trained.path), "--summary"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[1:] == [f"drift is unknown: the export has no {PROFILE}; export it again"]


@contextmanager
def predicting(exported: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "results.predict", str(exported), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, env=ENVIRONMENT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_every_line_that_was_read_answered(
    exported: Path, number: signal.Signals
) -> None:
    lines = "".join(record(n, n % 2 == 0, 40) + "\n" for n in range(40)).encode()
    with predicting(exported, "--summary") as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(lines + b'{"method": "half a li')
        process.stdin.flush()
        first = process.stdout.readline()  # It waits for more now, or answers the others.
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.stderr is not None
        counts, *drift = process.stderr.read().decode().splitlines()
        assert process.wait(30) == 128 + number
    answers = [json.loads(line) for line in (first + rest).splitlines()]
    assert len(answers) == 40 and all("score" in answer for answer in answers)
    assert counts.startswith("40 records: ")
    assert drift[4:] == (["interrupted"] if number == signal.SIGINT else [])


def test_a_signal_while_it_waits_for_the_first_line_ends_it(exported: Path) -> None:
    with predicting(exported) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(record(1, False, 20).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["label"] in (0, 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
        assert process.stdout.read() == b""
