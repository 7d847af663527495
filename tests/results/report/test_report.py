"""The report is one inert file that leads with the verdict, whatever a run has or lacks."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data.common.command import run
from data.dataset import LabelOrder
from results.leaderboard import build_leaderboard, describe_known_texts, verdict
from results.report import main, write
from results.report.attribution import FILE as ATTRIBUTION
from results.report.report import columns
from results.study import (
    ACCURACY,
    CHECKPOINT,
    DATA_FOLDER,
    OBJECTIVES,
    Store,
    as_refit,
    choose_refits,
    record_refit,
)
from tests.results.report.conftest import WORDS
from tests.results.reported import make_run

SECTIONS = [
    "leaderboard", "search", "hyperparameters", "scores", "architecture", "data", "parts",
    "mistakes",
]  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def hostile(hostile_page: Path) -> str:
    return hostile_page.read_text("utf-8")


def page_of(store: Store, *, attribute: bool = True) -> str:
    return write(store, build_leaderboard(store), attribute=attribute).read_text(encoding="utf-8")


def test_leads_with_the_verdict(store: Store, text: str) -> None:
    page = Page(text)
    headline = next(words for tag, words in page.texts if tag == "h1")
    assert headline == verdict(build_leaderboard(store))
    assert [each["id"] for each in page.of("section")] == SECTIONS
    assert text.index("<h1>") < text.index("<table")


def test_has_a_plot_in_every_place(text: str) -> None:
    assert "Not shown" not in text and "not shown" not in text
    found = json.loads(re.search(r'id="plots">(.*?)</script>', text).group(1))
    places = [each["id"] for each in Page(text).of("div") if each.get("class") == "plot"]
    assert list(found) == places
    assert len(places) > 12
    assert all(plot["data"] for plot in found.values())


def test_the_table_shows_every_row_and_no_empty_column(store: Store, text: str) -> None:
    board = build_leaderboard(store)
    page = Page(text.partition('<table id="board">')[2].partition("</table>")[0])
    rows = [each for each in page.of("tr") if "data-kind" in each]
    assert [row["data-status"] for row in rows] == [row.status for row in board.rows]
    width = len(page.of("button"))
    sorts = [each["data-sort"] for tag, each in page.tags if "data-sort" in each]
    assert len(sorts) == width * len(rows)
    for number, head in enumerate(columns(board)):
        figures = sorts[number::width]
        assert any(figures), head.key
        if not head.is_text:
            values = [getattr(row, head.key) for row in board.rows]
            assert [float(each) if each else None for each in figures] == values, head.key
    assert len([row for row in rows if "selected" in (row["class"] or "")]) == 1


def test_the_order_of_the_labels_and_repeated_texts_are_told(store: Store, text: str) -> None:
    assert str(LabelOrder.of(store.dataset.labels)) in text
    note = describe_known_texts(build_leaderboard(store))
    assert "held-out rows" in note and note in text


def test_the_policy_lets_only_our_scripts_run(text: str) -> None:
    (policy,) = [
        each["content"] or ""
        for each in Page(text).of("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_names_no_place_in_the_network(text: str, hostile: str) -> None:
    for tag, attributes in (*Page(text).tags, *Page(hostile).tags):
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                assert value is not None
                assert value.startswith("#") or value == "data:,", (tag, name, value)


def test_attacks_add_no_element(text: str, hostile: str) -> None:
    kinds = {tag for tag, _ in Page(text).tags}
    assert {tag for tag, _ in Page(hostile).tags} <= kinds
    assert not kinds & {"img", "iframe", "svg", "object", "embed", "base"}


def test_attacks_are_shown(hostile: str) -> None:
    told = "".join(words for tag, words in Page(hostile).texts if tag != "script")
    assert "<script>pwned('script')</script>" in told
    assert "{{ 7 * 7 }}" in told
    assert "\\u202e" in told and "\u202e" not in told
    assert "\\ud800" in told and "\\x00" in told


def test_shows_the_log_s_own_words_for_its_labels(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run", logged=WORDS, words=("a", "b"), label_words=("ham", "spam"))
    text = page_of(store)
    main = text.partition("<main>")[2].partition("</main>")[0]
    told = " ".join(re.sub("<[^>]+>", " ", main).split())
    for said in (
        *("called ham called spam", "is ham", "is spam", "Slice Rows ham spam Share of spam"),
        *("Share of spam rows over time", "made it say spam, those in blue ham:"),
    ):
        assert said in told
    assert not re.search("attack|malicious|normal ", told)
    assert "share of ham rows called spam, at .5" in text  # A heading's tooltip.
    plots = json.loads(re.search(r'id="plots">(.*?)</script>', text).group(1))
    names = {trace.get("name") for plot in plots.values() for trace in plot["data"]}
    assert {"ham", "spam"} <= names
    assert not {"normal", "malicious"} & names


def test_says_why_the_model_cannot_be_asked(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run", logged=WORDS, words=("a", "b"))
    text = page_of(store, attribute=False)
    assert "not explained, because the report was asked not to load the model" in text
    assert not (store.folder / ATTRIBUTION).exists()
    (store.folder / "trials" / "0" / CHECKPOINT).unlink()
    text = page_of(store)
    assert text.count("because the champion&#39;s model was not kept") == 2
    assert '<article class="mistake">' in text
    (store.folder / "trials" / "0" / CHECKPOINT).write_bytes(b"no model")
    text = page_of(store)
    assert "its layers cannot be read" in text
    assert "not explained, because" in text


def test_a_missing_part_leaves_the_rest(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run", logged=WORDS, words=("a", "b"))
    board = build_leaderboard(store)
    for path in (store.folder / DATA_FOLDER).glob("texts*"):
        path.unlink()
    text = write(Store.open(store.folder), board).read_text(encoding="utf-8")
    assert "The data card is not shown" in text
    assert Page(text).of("article") == []
    assert len(re.findall(r'<tr class="(?:baseline|trial) ', text)) == len(board.rows)


def test_attributions_are_computed_once(store: Store, text: str) -> None:
    kept = store.folder / ATTRIBUTION
    before = kept.stat().st_mtime_ns
    assert re.sub(r"\d\d:\d\d UTC", "", page_of(store, attribute=False)) == re.sub(
        r"\d\d:\d\d UTC", "", text
    )
    assert kept.stat().st_mtime_ns == before
    assert re.search(r'<span class="[an][1-5]">', text.partition('id="mistakes"')[2])


@pytest.mark.parametrize("statuses", [(), ("failed",), ("complete",), ("pruned", "complete")])
def test_few_trials_are_a_sentence(tmp_path: Path, statuses: tuple[str, ...]) -> None:
    store = make_run(tmp_path / "run", logged=WORDS, statuses=statuses, words=("a", "b"))
    text = page_of(store, attribute=False)
    assert text.count("it takes 2 complete trials, and this run has") == 3
    if "complete" not in statuses:
        assert "because the run has no champion" in text


def test_several_objectives_are_looked_at_by_accuracy(tmp_path: Path) -> None:
    objectives = [ACCURACY, OBJECTIVES["latency_us"]]
    store = make_run(tmp_path / "run", words=("a", "b"), objectives=objectives)
    text = page_of(store, attribute=False)
    assert "because" not in text.partition('id="hyperparameters"')[2].partition("</section>")[0]


def test_the_command_says_who_won_and_where_it_is(
    store: Store, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(store.folder), "--no-attribution"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == verdict(build_leaderboard(store))
    assert second == str(store.folder / "report.html")


def test_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(main, ["nowhere", "--out", str(tmp_path)])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: there is no run 'nowhere'")


def test_refits_stand_beside_the_rest_and_it_says_which_is_exported(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run", logged=WORDS, statuses=("complete",))
    without = page_of(store, attribute=False)
    assert "Refits were trained" not in without and "exported: " not in without
    for first in store.results():
        if first.name in ("trial 0", "model2"):
            record_refit(store, as_refit(first))
    choose_refits(store, ["trial 0", "model2"])
    text = page_of(store, attribute=False)
    page = Page(text)
    assert "exported: trial 0, refit, the champion trained again." in text
    lines = [row for row in page.of("tr") if row.get("data-kind") == "refit"]
    assert len(lines) == 2
    assert verdict(build_leaderboard(store)) in text.replace("&lt;", "<")
