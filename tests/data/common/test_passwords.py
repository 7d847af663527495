"""A URL's password is hidden, and nothing else of it."""

import pytest

from data.common import hide_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:word@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:a%2Fword%21@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:w@rd /@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db?password=word&x=1", "postgresql://me@host/db?password=***&x=1"),
        (
            "postgresql://me@host/db?x=1&sslpassword=w",
            "postgresql://me@host/db?x=1&sslpassword=***",
        ),
        ("s3://KEY:WORD@bucket", "s3://KEY:***@bucket"),
        ("simplecache::ftp://me:w@rd@host", "simplecache::ftp://me:***@host"),
        ("redis://:word@host:6379", "redis://:***@host:6379"),
        ("https://a.blob/log?sv=2022&sig=W%2F&sr=b", "https://a.blob/log?sv=2022&sig=***&sr=b"),
        (
            "https://b.s3/log?X-Amz-Signature=word&X-Amz-Security-Token=w#1",
            "https://b.s3/log?X-Amz-Signature=***&X-Amz-Security-Token=***#1",
        ),
        ("https://host/log?Token=word", "https://host/log?Token=***"),
        ("https://host/log?api_key=word&design=2", "https://host/log?api_key=***&design=2"),
    ],
)
def test_a_password_is_hidden(url: str, shown: str) -> None:
    assert hide_password(url) == shown
    assert hide_password(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("grpc://host:13000", "http://127.0.0.1:8000/predict", "postgresql://me@host/db"),
        "https://host:8443/logs/a@b.csv",
        *("sqlite:///a.db", "s3://bucket/runs", "runs/a@b:c.csv", "C:\\logs\\a@b.csv", ""),
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert hide_password(text) == text
