"""What the service counts for Prometheus; no label and no value comes from a client's data."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Telemetry:
    """The metrics of one service.

    Attributes:
        registry: All of them, and the process's memory and time.
        requests: Requests to /predict by HTTP status.
        seconds: How long each took.
        records: Records by outcome: "scored" or "error".
        batch: How many records were computed together.
        waiting: How many records wait or are computed now.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "model3_requests", "Requests to /predict", ["status"], registry=registry
        )
        self.seconds = Histogram(
            "model3_request_seconds", "Time to answer", buckets=_SECONDS, registry=registry
        )
        self.records = Counter("model3_records", "Records", ["outcome"], registry=registry)
        self.batch = Histogram(
            "model3_batch_records",
            "Records computed together",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
            registry=registry,
        )
        self.waiting = Gauge(
            "model3_waiting_records", "Records waiting or computed now", registry=registry
        )
