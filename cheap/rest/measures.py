"""What the server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Measures:
    """Counters of one app; they belong to its process.

    Args:
        in_hand: how many requests are in hand.
    """

    def __init__(self, in_hand: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "cheap_requests", "Requests, by route and status.", ["route", "method", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "cheap_request_seconds", "Seconds until a request was answered, by route.", ["route"],
            registry=self._registry,
        )  # fmt: skip
        now = Gauge("cheap_requests_in_hand", "Requests in hand.", registry=self._registry)
        now.set_function(in_hand)
        # Finding them takes longer than counting.
        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note that a request was answered."""
        method = method if method in _METHODS else "other"
        found = self._found.get((route, method, status))
        if found is None:
            counter = self._requests.labels(route, method, str(status))
            found = counter, self._seconds.labels(route)
            self._found[route, method, status] = found
        counter, histogram = found
        counter.inc()
        histogram.observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
