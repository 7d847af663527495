"""The short way to a cleaned record gives what `json` gives, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from data.reading import quick
from data.reading.access_log import DROPPED_KEYS
from data.reading.records import MAX_DEPTH

any_text = st.text(st.characters(codec=None, categories=None))
ascii_text = st.text(st.characters(max_codepoint=127))
numbers = st.integers() | st.floats() | st.sampled_from([2**63, 2**64, -(2**63) - 1, 1e16, 1e-7])
leaves = st.none() | st.booleans() | numbers | any_text | ascii_text
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(ascii_text | st.sampled_from(DROPPED_KEYS), values, max_size=6)


def by_json(record: str) -> bytes:
    parsed = json.loads(record)
    for key in DROPPED_KEYS:
        parsed.pop(key, None)
    return json.dumps(parsed, separators=(",", ":")).encode("ascii")


@settings(max_examples=400)
@given(record=records, escaped=st.booleans(), spaced=st.booleans())
def test_a_record_is_cleaned_as_json_does_or_not_at_all(
    record: dict[str, Any], escaped: bool, spaced: bool
) -> None:
    text = json.dumps(record, ensure_ascii=escaped, separators=None if spaced else (",", ":"))
    found = quick.clean(text.encode("utf-8", "surrogatepass"), DROPPED_KEYS)
    assert found in (None, by_json(text))


ODD = [
    '{"a":-0}',
    '{"a":-0.0}',
    '{"a":1E5}',
    '{"a":[18446744073709551615,18446744073709551616]}',
    '{"a":1,"b":2,"a":3}',
    '{"a":"\\u007f\\u0001\\/\\b"}',
    '{"a":"\x7f"}',
    '{"a":"\\ud83d\\ude00"}',
    '{"a":"\\ud800"}',
    '{"a":1e400}',
    '{"a":NaN}',
    ' {"a" :\t1 }\r\n',
    '{"\\u0041":"1.5,2.5e3"}',
    '{"a":' + "[" * 300 + "]" * 300 + "}",
]


@pytest.mark.parametrize("record", ODD, ids=range(len(ODD)))
def test_an_odd_record_is_cleaned_as_json_does_or_not_at_all(record: str) -> None:
    assert quick.clean(record.encode(), DROPPED_KEYS) in (None, by_json(record))


def test_a_usual_record_is_cleaned() -> None:
    record = '{"timestamp":1,"query":{"q":"a\\"b, 1.5"},"n":[-12,true,null]}'
    assert quick.clean(record.encode(), DROPPED_KEYS) == by_json(record)


@pytest.mark.parametrize(
    "record",
    ["", "[1]", "7", "{", '{"a":1}}', '{"a":"\n"}', "\ufeff{}", '{"a":' + "9" * 5000 + "}"],
)
def test_what_json_has_to_judge_is_left_to_it(record: str) -> None:
    assert quick.clean(record.encode(), ()) is None
    assert quick.clean_json_line(record.encode(), ()) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("label", [0, 1])
def test_a_plain_row_is_split(label: int, end: bytes) -> None:
    assert quick.split_row(b'|{"a":1}|,%d%b' % (label, end)) == (b'{"a":1}', label)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"|{}|,2\n",
        b"|{}|,0",
        b"|{}||,0\n",
        b'|{"a":"||"}|,0\n',
        b"{},0\n",
        b"|,0\n",
        b"|{|,0",
    ],
)
def test_any_other_row_is_left_to_csv(line: bytes) -> None:
    assert quick.split_row(line) is None


@pytest.mark.parametrize("label", ["true", "1.0", '"1"', "2", "null", "[1]"])
def test_an_unusual_label_is_left_to_json(label: str) -> None:
    assert quick.clean_json_line(f'{{"a":1,"label":{label}}}'.encode(), ()) is None


def test_a_json_line_gives_its_label() -> None:
    assert quick.clean_json_line(b'{"a": 1, "label": 1, "b": 2}\n', ["b"]) == (b'{"a":1}', 1)


@pytest.mark.parametrize("key", ["headers", "a"])
def test_a_deep_record_is_left_to_json_even_where_the_depth_is_dropped(key: str) -> None:
    def record(depth: int) -> bytes:
        return f'{{"{key}":{"[" * (depth - 1)}{"]" * (depth - 1)},"label":0}}'.encode()

    assert quick.clean(record(MAX_DEPTH + 1), ["headers"]) is None
    assert quick.clean_json_line(record(MAX_DEPTH + 1), ["headers"]) is None
    assert quick.clean(record(MAX_DEPTH), ["headers", "a"]) == b'{"label":0}'
    assert quick.clean_json_line(record(MAX_DEPTH), ["headers", "a"]) == (b"{}", 0)
