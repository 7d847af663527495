"""The command `python -m data.inspect`."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.common import UserError
from data.inspect import main

ROWS = [
    '|{"method":"get","path":"/search","query":{"q":"tea"}}|,0',
    '|{"method":"get","path":"/search","query":{"q":"<script>"}}|,1',
    '|{"method":"post","path":"/login","query":{}}|,0',
    '|{"method":"get","path":"/search","query":{"q":"tea"}}|,0',
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("\n".join(ROWS) + "\n")
    return path


def test_table(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(log)]) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "rows 4" in lines
    assert "fit 2 1 50.00% 1 50.00%" in lines
    assert "held-out 1 1 100.00% 0 0.00%" in lines
    assert "held-out rows 1 100.00%" in lines
    assert "/search 3 75.00%" in lines


def test_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(log), "--output-format", "json", "--split", "shuffled", "--rows", "3"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["rows"], shown["split"], shown["format"]) == (3, "shuffled", "access-log")
    assert [part["rows"] for part in shown["slices"]] == [1, 1, 1]


def test_strange_characters_print_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    paths = ["/a", "/b", "/c", "/\ud800\u001b[31m\n" + "x" * 500]
    path.write_text("".join(json.dumps({"path": p, "label": 0}) + "\n" for p in paths))
    assert main([str(path)]) == 0
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 120


def test_bad_row_stops_or_is_counted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(log.read_text() + "broken\n")
    with pytest.raises(UserError, match="row 5"):
        main([str(log)])
    assert main([str(log), "--skip-bad-rows", "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 1


def test_format_is_an_option(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="columns"):
        main([str(log), "--format", "text"])
    with pytest.raises(SystemExit) as caught:
        main([str(log), "--format", "xml"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def sorted_log(folder: Path, rows: int = 300) -> str:
    """Write texts of a label 0, then as many of label 1; every tenth repeats the one before."""
    path = folder / "sorted.csv"
    texts = [f"text {n - (n % 10 == 1)},{int(2 * n >= rows)}\n" for n in range(rows)]
    path.write_text("".join(texts))
    return str(path)


SORTED = "the rows are sorted by label: 2 runs, about 151 if mixed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], f"order {SORTED}; give --split shuffled"),
        (["--split", "shuffled"], f"order {SORTED}"),
        (["--split", "stratified"], "held-out 75 38 50.67% 37 49.33%"),
        (["--rows", "20"], "order the labels are mixed: 1 run, about 1 if mixed"),
        # Of the whole file: both labels are there.
        (["--rows", "20", "--split", "stratified"], "held-out 5 2 40.00% 3 60.00%"),
        (
            ["--split", "shuffled", "--drop-duplicates"],
            "left out 18, whose text stands in an earlier slice",
        ),
        (["--split", "shuffled", "--drop-duplicates"], "held-out rows 0 0.00%"),
    ],
)
def test_sorted_rows_and_duplicates_are_told(
    tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([sorted_log(tmp_path), *options]) == 0
    assert said in [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    records = [{"q": str(n), "source": {"ip": f"ip {n % 7}"}, "label": n % 2} for n in range(70)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    words = [str(path), "--output-format", "json", "--split", "group"]
    assert main([*words, "--group-column", "source.ip"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [part["rows"] for part in shown["slices"]] == [40, 10, 20]
    with pytest.raises(UserError, match="give --group-column NAME"):
        main(words)
    with pytest.raises(UserError, match=r"log.jsonl, row 1: .* no key 'ip', .* among q, source"):
        main([*words, "--group-column", "ip"])
    with pytest.raises(UserError, match="'q', but --split is 'shuffled'; give --split group"):
        main([str(path), "--split", "shuffled", "--group-column", "q"])


def test_the_columns_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.tsv"
    rows = "".join(f"{n}\ttext {n}\t{'spam' if n % 3 else 'eggs'}\tx\n" for n in range(40))
    path.write_text("no\tpayload\tkind\tnote\n" + rows)
    with pytest.raises(UserError, match="give --text-column payload --label-column kind, or"):
        main([str(path)])
    columns = ["--text-column", "payload", "--label-column", "kind"]
    with pytest.raises(UserError, match="give --positive spam, fix it"):
        main([str(path), *columns])
    assert main([str(path), *columns, "--positive", "spam"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "chronological split rows eggs spam" in printed
    assert main([str(path), *columns, "--negative", "eggs"]) == 0
    assert " ".join(capsys.readouterr().out.split()) == printed


def test_one_file_a_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).write_text("".join(f"{name} {n}\n" for n in range(40)))
    good, bad = (str(tmp_path / name) for name in ("good", "bad"))
    assert main(["--negative-file", good, "--positive-file", bad]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "shuffled split rows good bad" in printed
    with pytest.raises(UserError, match="--text-column is '1', but --negative-file and"):
        main(["--negative-file", good, "--positive-file", bad, "--text-column", "1"])
    for words in ([], [good, "--positive-file", bad]):
        with pytest.raises(UserError, match="give either FILE, or --negative-file FILE and"):
            main(words)
    with pytest.raises(UserError, match="but --negative-file is missing; give both"):
        main(["--positive-file", bad])


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "data.inspect", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60)


def test_keys_are_dropped_as_a_run_drops_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.jsonl").write_text(
        "".join(f'{{"a": {n}, "verdict": {n % 2}, "label": {n % 2}}}\n' for n in range(40))
    )
    words = [str(tmp_path / "log.jsonl"), "--output-format", "json"]
    longest = []
    for more in ([], ["--dropped-keys", "verdict"]):
        assert main([*words, *more]) == 0
        longest.append(json.loads(capsys.readouterr().out)["lengths"]["maximum"])
    assert longest == [len('{"a":39,"verdict":1}'), len('{"a":39}')]


def test_reads_a_pipe() -> None:
    done = run("-", "--output-format", "json", stdin="\n".join(ROWS).encode())
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1)
    assert b"no key was dropped" in done.stderr
    assert json.loads(done.stdout)["source"] == "standard input"


@pytest.mark.parametrize("arguments", [["absent.csv"], [], ["absent.csv", "--rows", "many"]])
def test_user_errors_are_one_line_and_status_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1


def test_a_log_that_unpacks_to_more_than_max_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(("\n".join(ROWS) + "\n").encode() * 10_000))
    with pytest.raises(
        UserError, match=r"holds more than 1,048,576 bytes \(after line .*max-bytes"
    ):
        main([str(path), "--max-bytes", "1M"])
