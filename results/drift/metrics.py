"""Drift as Prometheus shows it: counters, histograms, and what they are to be compared with."""

from collections.abc import Iterator

import numpy as np
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from results.drift.drift import Drift
from results.drift.training_profile import Distribution


class DriftCollector(Collector):
    """Reads a drift's figures whenever somebody asks for them."""

    def __init__(self, drift: Drift) -> None:
        self._drift = drift

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        profile = self._drift.profile
        total, recent = self._drift.total, self._drift.recent
        new, heldout = total.novelty, profile.heldout
        kinds = {"ngrams": (new.unseen_ngrams, new.ngrams, heldout.unseen_ngrams, heldout.ngrams)}
        if profile.vocabulary.unknown:
            kinds["characters"] = (
                new.unseen_characters, new.characters,
                heldout.unseen_characters, heldout.characters,
            )  # fmt: skip
        text = {"ngrams": "Character trigrams", "characters": "Characters"}
        share = GaugeMetricFamily(
            "model3_heldout_unseen_ratio",
            "Share of those in the held-out rows that training never saw",
            labels=["of"],
        )
        for kind, (unseen, seen, heldout_unseen, heldout_seen) in sorted(kinds.items()):
            yield CounterMetricFamily(f"model3_{kind}", text[kind], seen)
            yield CounterMetricFamily(
                f"model3_unseen_{kind}", f"{text[kind]} never seen in training", unseen
            )
            share.add_metric([kind], heldout_unseen / max(heldout_seen, 1))
        yield share
        yield _histogram("model3_length", "Characters of a record", profile.lengths,
                         total.lengths, total.novelty.characters)  # fmt: skip
        yield _histogram("model3_score", "Probability of label 1", profile.scores,
                         total.scores, total.score_sum)  # fmt: skip
        known = {"length": profile.lengths, "score": profile.scores}
        reference = GaugeMetricFamily(
            "model3_reference_ratio",
            "Share up to le of the training rows' lengths and of the held-out rows' scores",
            labels=["of", "le"],
        )
        index = GaugeMetricFamily(
            "model3_stability_index",
            "Population stability index of the last 5,000 to 10,000 records; above .25 they are of "
            "another log",
            labels=["of"],
        )
        for of, distribution in known.items():
            below = np.cumsum(distribution.counts) / distribution.counts.sum()
            for (le, _), value in zip(_buckets(distribution, below), below, strict=True):
                reference.add_metric([of, le], float(value))
            counts = recent.lengths if of == "length" else recent.scores
            index.add_metric([of], distribution.stability_index(counts) if counts.sum() else 0.0)
        yield reference
        yield index


def _histogram(
    name: str, text: str, known: Distribution, counts: "np.typing.NDArray[np.int64]", total: float
) -> Metric:
    found = HistogramMetricFamily(name, text)
    found.add_metric([], _buckets(known, np.cumsum(counts)), total)
    return found


def _buckets(known: Distribution, below: "np.typing.NDArray[np.number]") -> list[tuple[str, float]]:
    """Name the upper end of each bin beside what lies below it."""
    ends = [f"{edge:.10g}" for edge in known.edges] + ["+Inf"]
    return list(zip(ends, below.tolist(), strict=True))
