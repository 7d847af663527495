"""What a client has filled into a request."""

from data.records import RecordError, load_record

# Keys of a cleaned record that the client does not fill in with values.
_VALUELESS_KEYS = ("method", "path", "statusCode")


def request_values(text: str) -> str:
    """Return what the client filled in, one value a line, for rules that look at values only.

    Of a cleaned record these are its path, without the slashes that every path has, and the strings
    and numbers of its query, payload and so on; a text that is not a JSON object stays as it is.
    """
    try:
        record = load_record(text)
    except RecordError:
        return text
    found = [str(record.get("path", "")).replace("/", " ")]
    pending = [record[key] for key in reversed(record) if key not in _VALUELESS_KEYS]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(reversed(value.values()))
        elif isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append(str(value))
    return "\n".join(found)
