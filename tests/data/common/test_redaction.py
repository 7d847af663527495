"""Passwords and tokens are taken out of texts, and nothing else is."""

import io
import sys
import time

import pytest

from data.common.redaction import Redacting, Secrets, is_secret, redact, redacted_errors


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://me:word@host/db now", "at postgresql://me:***@host/db now"),
        ("'s3://KEY:WORD@bucket'", "'s3://KEY:***@bucket'"),
        ("simplecache::ftp://me:w@rd@host", "simplecache::ftp://me:***@host"),
        ("redis://:word@host:6379", "redis://:***@host:6379"),
        ("grpc://host:13000", "grpc://host:13000"),
        ("http://127.0.0.1:8000/predict", "http://127.0.0.1:8000/predict"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("host=h password=word user=me", "host=h password=*** user=me"),
        ("password = 'two words' user=me", "password = *** user=me"),
        ('{"password": "word", "user": "me"}', '{"password": ***, "user": "me"}'),
        ("?sslpassword=word&sig=abc%2B&user=me", "?sslpassword=***&sig=***&user=me"),
        ("aws_secret_access_key=word", "aws_secret_access_key=***"),
        ("Authorization: Bearer word", "Authorization: Bearer ***"),
        ("FATAL: password authentication failed", "FATAL: password authentication failed"),
        ("--token-file 'x' cannot be read", "--token-file 'x' cannot be read"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


def test_what_was_given_is_hidden_in_every_writing() -> None:
    words = ["--storage", "postgresql://me:a%2Fword%21@host/db", "--token", "typed-token"]
    secrets = Secrets.of(words, {"MODEL3_TOKEN": "t" * 32, "PGPASSWORD": "pass word", "HOME": "/x"})
    said = f"a/word! a%2Fword%21 {'t' * 32} pass word pass%20word pass+word typed-token /x"
    assert secrets.redact(said) == "*** *** *** *** *** *** *** /x"
    assert secrets.redact("t" * 33) == "t" * 33


def test_short_words_are_left_in_texts() -> None:
    secrets = Secrets.of([], {"PGPASSWORD": "is"})
    assert secrets.redact("this is a test") == "this is a test"


@pytest.mark.parametrize(
    "name", ["PGPASSWORD", "MODEL3_TOKEN", "AWS_SECRET_ACCESS_KEY", "DB_PWD", "pwd", "sig"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["PATH", "PWD", "OLDPWD", "PGPASSFILE", "TOKENIZERS_PARALLELISM", "token-file"]
)
def test_other_names(name: str) -> None:
    assert not is_secret(name)


def test_a_stream_is_otherwise_what_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stderr
    with redacted_errors(Secrets.of([], {"A_TOKEN": "secret-word"})):
        assert sys.stderr.fileno() == before.fileno()
        assert sys.stderr.isatty() == before.isatty()
        assert sys.stderr.encoding == before.encoding
        assert sys.stderr.writable()
        print("the secret-word, größe", file=sys.stderr, flush=True)
    assert sys.stderr is before
    assert capfd.readouterr().err == "the ***, größe\n"


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "://a:" * 10**4, "password" * 10**5, "://x:" + "@" * 10**5, "=" * 10**6]
)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    stream = io.StringIO()
    started = time.process_time()
    Redacting(stream, Secrets(("secret-word",))).write(text)
    assert time.process_time() - started < 1.0
