"""The HTTP service on a real loopback socket: what each address answers, and what it refuses."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.records import Answer
from results.serving import Limits, Predictor
from tests.results.conftest import GIVEN, Trained, export_again, record
from tests.results.serving.running import Running, send, serving, until

TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def service(predictor: Predictor) -> Iterator[Running]:
    with serving(predictor.answers, Limits(body=20_000, batch=50, seconds=0.5)) as running:
        yield running


class Held:
    """A model that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()

    def __call__(self, records: Sequence[object]) -> list[Answer]:
        self.begun.set()
        assert self.go.wait(20)
        return [{"score": 0.75, "label": 1, "latency_us": 1.0} for _ in records]


def test_a_record_and_a_batch_get_the_scores_of_the_predictor(
    service: Running, predictor: Predictor, trained: Trained
) -> None:
    lines = trained.path.read_text().splitlines()[:30]
    expected = predictor.answers(lines)
    bare = [json.loads(line.strip("|").rpartition("|,")[0]) for line in lines]
    for records in (lines, bare):
        reply = service.post(records)
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert all(list(answer) == ["score", "label", "label_word"] for answer in reply.json)
        scores = [answer["score"] for answer in reply.json]
        assert scores == pytest.approx([answer["score"] for answer in expected], abs=1e-6)
    for one in (lines[1], bare[1]):
        assert service.post(one).json["score"] == pytest.approx(expected[1]["score"], abs=1e-6)
    assert service.post([]).json == []


def test_a_string_is_exactly_the_record(kept: Path, trained: Trained, tmp_path: Path) -> None:
    given = {**GIVEN, "format": "text", "dropped_keys": []}
    export = export_again(kept / "best", trained, tmp_path / "text", preprocessing=given)
    predictor = Predictor.load(export)
    texts = ['" or 1=1 --', '"x" union select 1,1', "http://h/?a=1,0", '"a, b",1', "   ", "a\r\n"]
    expected = predictor.scores(texts)
    assert len(set(expected.tolist())) > 3
    with serving(predictor.answers) as service:
        scores = [answer["score"] for answer in service.post(texts).json]
        alone = [service.post(text).json["score"] for text in texts]
        bad = service.post(["a\0", {"a": 1}, "a"]).json
    assert scores == alone == pytest.approx(expected.tolist(), abs=1e-6)
    assert ["error" in answer for answer in bad] == [True, True, False]


def test_a_bad_record_is_answered_in_its_place(service: Running) -> None:
    good = record(1, False, 20)
    reply = service.post([good, "no record", 7, None, good])
    assert reply.status == 200
    first, *bad, last = reply.json
    assert first == last
    assert [list(answer) for answer in bad] == [["error"]] * 3
    alone = service.post("no record")
    assert (alone.status, alone.json) == (422, bad[0])


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 422, "not JSON"),
        (b"{", 422, "not JSON"),
        (b'"\xff"', 422, "not UTF-8"),
        (b"[" * 15_000, 422, "nested too deeply"),
        (b"9" * 5000, 422, "too long"),
        (b"[" + b"1," * 50 + b"1]", 422, "has 51 records, but may have 50"),
        (b'"' + b"x" * 20_000 + b'"', 413, "larger than 20,000 bytes"),
        (b'"' + b"x" * 2_000_000 + b'"', 413, "larger than 20,000 bytes"),
    ],
)
def test_what_is_too_much_or_no_json_is_refused_in_one_line(
    service: Running, body: bytes, status: int, says: str
) -> None:
    reply = None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        reply = service.post(body)
    if len(body) < 80_000:  # Beyond that the server need not listen any more.
        assert reply is not None
    if reply is not None:
        assert reply.status == status
        assert list(reply.json) == ["error"]
        assert says in reply.json["error"]
        assert b"\n" not in reply.body
    assert service.post(record(1, False, 20)).status == 200


def test_a_body_of_unknown_length_is_bounded_too(service: Running) -> None:
    connection = service.connect()
    with contextlib.closing(connection):
        chunks = iter([b"x" * 5000] * 5)
        connection.request("POST", "/predict", chunks, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_a_body_that_does_not_come_is_not_waited_for(service: Running) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        head = slow.recv(4096)
    assert head.startswith(b"HTTP/1.1 408 ")


def test_other_addresses_and_methods_get_json_too(service: Running) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("POST", "/predict/", 404),
        ("GET", "/predict", 405),
        ("POST", "/health", 405),
    ):
        reply = service.call(method, path)
        assert reply.status == status
        assert list(reply.json) == ["error"]


def test_metrics_count_requests_and_records_and_keep_secrets(service: Running) -> None:
    names = (
        'model3_requests_total{status="200"}',
        'model3_requests_total{status="422"}',
        'model3_records_total{outcome="scored"}',
        'model3_records_total{outcome="error"}',
        "model3_request_seconds_count",
    )
    before = [service.metric(name) for name in names]
    good = record(1, False, 20)
    service.post([good, "Mallory", good])
    service.post("Mallory")
    after = [service.metric(name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 2, 2, 2]
    assert service.metric("model3_waiting_records") == 0
    assert b"Mallory" not in service.call("GET", "/metrics?Mallory").body
    assert service.metric("process_resident_memory_bytes") > 2**20


def test_requests_that_come_together_share_batches(predictor: Predictor) -> None:
    sizes: list[int] = []

    def compute(records: Sequence[object]) -> list[Answer]:
        sizes.append(len(records))
        time.sleep(0.05)  # The others come meanwhile.
        return predictor.answers(records)

    line = record(1, True, 20)
    with serving(compute) as service, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: service.post(line), range(32)))
    assert [reply.status for reply in replies] == [200] * 32
    assert len({reply.json["score"] for reply in replies}) == 1
    assert sum(sizes) == 32 > 4 * len(sizes)


def test_while_the_model_works_health_answers_and_a_full_queue_refuses() -> None:
    held = Held()
    with serving(held, Limits(queue=3, batch=3)) as service, ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.post, ["a", "b", "c"])
        assert held.begun.wait(20)
        assert service.call("GET", "/health").json == {"status": "ready"}
        refused = service.post("d")
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert "too many records" in refused.json["error"]
        held.go.set()
        assert first.result().status == 200
        assert service.post("d").json == {"score": 0.75, "label": 1}


def test_a_failing_model_is_an_error_without_details() -> None:
    def fail(records: Sequence[object]) -> list[Answer]:
        raise ZeroDivisionError("secret")

    with serving(fail) as service:
        reply = service.post("x")
        assert reply.status == 500
        assert "internal" in reply.json["error"]
        assert b"secret" not in reply.body
        assert service.metric('model3_requests_total{status="500"}') == 1


def test_a_token_is_asked_for(predictor: Predictor) -> None:
    good = record(1, False, 20)
    with serving(predictor.answers, token=TOKEN) as service:
        assert service.post(good, Authorization=f"Bearer {TOKEN}").status == 200
        for shown in ("", TOKEN, f"Bearer {TOKEN}x", "Bearer ", "Bearer \xe9"):
            reply = service.post(good, Authorization=shown)
            assert reply.status == 401
            assert reply.headers["www-authenticate"] == "Bearer"
            assert list(reply.json) == ["error"]
        assert service.call("GET", "/metrics").status == 401
        assert service.call("GET", "/health").status == 200


def test_at_its_end_what_is_under_way_is_answered_and_new_ones_are_refused() -> None:
    held = Held()
    with serving(held) as service:
        connection, idle = service.connect(), service.connect()
        send(idle, "GET", "/health")
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(send, connection, "POST", "/predict", "x")
            assert held.begun.wait(20)
            service.server.should_exit = True
            until(lambda: refuses(service.port))
            # A kept connection may bring what was on its way, and learns that it ends.
            last = send(idle, "GET", "/health")
            assert (last.status, last.json) == (503, {"status": "draining"})
            assert last.headers["connection"] == "close"
            time.sleep(0.1)
            assert not under_way.done()
            held.go.set()
            reply = under_way.result()
        assert (reply.status, reply.json) == (200, {"score": 0.75, "label": 1})
        assert reply.headers["connection"] == "close"
        connection.close()
        idle.close()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
