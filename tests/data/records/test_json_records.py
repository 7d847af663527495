"""How deep a record may be nested, whatever Python and the caller's stack would allow."""

from typing import Any

import pytest

from data.records import MAX_DEPTH, RecordError, dump_record, load_record


def nested(depth: int, opening: str = "[") -> str:
    """Make an object that is so many levels deep in all."""
    closing = {"[": "]", '{"a":': "}"}[opening]
    innermost = "null" if opening.endswith(":") else ""
    return f'{{"a":{opening * (depth - 1)}{innermost}{closing * (depth - 1)}}}'


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_the_deepest_record_is_the_same_whoever_calls(opening: str) -> None:
    deepest = nested(MAX_DEPTH, opening)
    assert dump_record(load_record(deepest)) == deepest
    for depth in (MAX_DEPTH + 1, MAX_DEPTH + 200, 100_000):
        with pytest.raises(RecordError, match=r"nested too deeply \(more than 500 levels\)"):
            load_record(nested(depth, opening))
    record: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        record = {"a": record}
    with pytest.raises(RecordError, match="nested too deeply"):
        dump_record(record)
    # Brackets side by side, or in a string, are no depth.
    for record_of_many in (f'{{"a":[{"[]," * 9999}[]]}}', f'{{"a":"{"[" * 9999}"}}'):
        assert dump_record(load_record(record_of_many)) == record_of_many
