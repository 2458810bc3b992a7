"""Numbers for Prometheus, and a line in the log for each request: without queries and headers, in which patients may be named."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..frames import Frames

LOG = logging.getLogger(__name__)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    def __init__(self, frames: Frames):
        self.registry, self.frames = CollectorRegistry(), frames
        names = ("service", "method", "status")
        self.requests = Counter("dicompress_web_requests", "Requests that were answered", names, registry=self.registry)
        self.seconds = Histogram(
            "dicompress_web_seconds",
            "Seconds from request to the end of its answer",
            ["service"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.sent = Counter("dicompress_web_sent_bytes", "Bytes of bodies that were sent", ["service"], registry=self.registry)
        self.received = Counter(
            "dicompress_web_received_bytes", "Bytes of bodies that were received", ["service"], registry=self.registry
        )
        self.objects = Counter("dicompress_web_stored_objects", "Objects of STOW-RS, by outcome", ["outcome"], registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What the decoding says of itself."""
        counts = self.frames.counts
        for name, value, text in (
            ("dicompress_cache_hits", counts.hits, "Results that were in the cache"),
            ("dicompress_cache_misses", counts.misses, "Results that were not"),
            ("dicompress_warmed", counts.warmed, "Results that were made before they were asked for"),
            ("dicompress_workers_died", counts.died, "Worker processes that ended, or were ended as they took too long"),
            ("dicompress_work_seconds", counts.seconds, "Seconds that workers worked"),
        ):
            yield CounterMetricFamily(name, text, value)
        for name, value, text in (
            ("dicompress_cache_bytes", self.frames.cache.used, "Bytes in the cache"),
            ("dicompress_queue", self.frames.waiting, "Tasks that wait for a worker"),
        ):
            yield GaugeMetricFamily(name, text, value)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Measured:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, sent, received = time.perf_counter(), 500, 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        try:
            await self.app(scope, receiving, sending)
        finally:
            route, seconds = scope.get("route"), time.perf_counter() - start
            service = getattr(route, "name", "none")
            self.metrics.requests.labels(service, scope["method"] if route else "none", status).inc()
            self.metrics.seconds.labels(service).observe(seconds)
            self.metrics.sent.labels(service).inc(sent)
            self.metrics.received.labels(service).inc(received)
            LOG.info("%s %s: %d, %d bytes, %.0f ms", scope["method"], service, status, sent, 1000 * seconds)
