"""What goes onto the page is inert, brief, and never takes the rest with it if it fails."""

import json
import math

import numpy as np
import pytest

from data.common import UserError
from results.report.page import attempt, for_script, panel, panels
from results.report.plots.plot import Plot, inert, window
from results.report.text import (
    format_duration,
    format_number,
    format_setting,
    visible,
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (visible("a\nb\x1b[2J\u202e\ud800é"), "a\\nb\\x1b[2J\\u202e\\ud800é"),
        (visible("abcdef", 4), "abc…"),
        (format_number(1234.5), "1,234"),
        (format_number(0.001234), "0.00123"),
        (format_number(16.0), "16"),
        (format_number(math.nan), "-"),
        (format_duration(3.83), "3.83\u202fs"),
        (format_duration(65), "1\u202fmin 5\u202fs"),
        (format_duration(7800), "2\u202fh 10\u202fmin"),
        (format_setting(True), "yes"),
        (format_setting(0.1500000002), "0.15"),
        (format_setting("\n"), "\\n"),
    ],
)
def test_text_is_visible_and_figures_are_brief(said: str, expected: str) -> None:
    assert said == expected


def test_json_cannot_leave_its_script() -> None:
    value = {"</script><!--": "\u2028&<b>"}
    text = for_script(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError("by\nnought"), "ZeroDivisionError: by\\nnought"),
        (ValueError("too few"), "too few"),
        (UserError("no file"), "no file"),
    ],
)
def test_a_part_that_fails_leaves_a_reason(error: Exception, reason: str) -> None:
    def broken() -> Plot:
        raise error

    assert attempt(broken).reason == reason
    assert panel("Broken", broken).plot.reason == reason
    assert [each.title for each in panels("All", broken)] == ["All"]


def test_a_plot_that_the_page_cannot_draw_leaves_the_others() -> None:
    good, odd = Plot([{"type": "bar"}], {}), Plot([{"type": "parcoords"}], {})
    first, second = panels("All", lambda: {"good": good, "odd": odd})
    assert first.plot.content == good
    assert second.plot.content is None and "parcoords" in second.plot.reason


def test_texts_of_others_are_escaped_and_shown() -> None:
    given = {"a": ["<b>x</b>", 'say "&amp;"', "two\nlines\u202e"], "t": "%{x}<br><extra></extra>"}
    assert inert(given) == {
        "a": ["&lt;b&gt;x&lt;/b&gt;", 'say "&amp;amp;"', "two\\nlines\\u202e"],
        "t": "%{x}<br><extra></extra>",
    }


def test_numbers_become_strict_json() -> None:
    values = {"x": np.array([1.5, np.nan]), "y": (math.inf, np.float32(2), np.int64(3), None)}
    assert json.loads(json.dumps(inert(values), allow_nan=False)) == {
        "x": [1.5, None],
        "y": [None, 2.0, 3, None],
    }


def test_an_axis_is_not_squeezed_by_one_low_value() -> None:
    low, high = window([0.01, 0.97, 0.98, 0.99, 0.995])
    assert low > 0.9
    assert high > 0.995
    assert window([0.01, 0.97, 0.98, 0.99, 0.995], keep=[0.5])[0] < 0.5
