"""A worker's `/metrics` and `/health` (监控端点), served by threads of their own, whatever the worker's loop does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import stamina
from prometheus_client import REGISTRY, disable_created_metrics, make_wsgi_app

from streams import metrics
from streams.health import Watch

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

METRICS: Final = "/metrics"
HEALTH: Final = "/health"


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request; none of them keeps the process from ending."""

    daemon_threads = True


class Silent(WSGIRequestHandler):
    """Requests are not logged: they come every few seconds."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def monitored(host: str, port: int | None, watch: Watch) -> Iterator[None]:
    """Serve both, and watch, while the block runs; without a port neither. OSError where the port is taken."""
    stamina.instrumentation.set_on_retry_hooks([metrics.note_retry])
    # A second series for each, which would only say when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    if port is None:
        yield
        return
    with make_server(host, port, pages(watch), Server, Silent) as server, watch:
        REGISTRY.register(watch)
        threading.Thread(target=server.serve_forever, name="monitor", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            REGISTRY.unregister(watch)


def pages(watch: Watch) -> Any:
    """The WSGI application."""
    exposition = make_wsgi_app(REGISTRY)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == METRICS:
            return exposition(environ, start_response)  # type: ignore[no-any-return]
        status, content = _health(watch) if path == HEALTH else ("404 Not Found", {"pages": [METRICS, HEALTH]})
        start_response(status, [("Content-Type", "application/json; charset=utf-8")])
        return [json.dumps(content, ensure_ascii=False).encode()]

    return answer


def _health(watch: Watch) -> tuple[str, dict[str, object]]:
    """Status line and content: healthy or not, why not, and the registry's outage if there is one."""
    now = time.time()
    faults = watch.faults(now)
    outage = metrics.registry.outage()
    registry = {"waiting_s": round(now - outage.since), "attempts": outage.attempts} if outage else None
    content = {"healthy": not faults, "faults": faults, "registry_outage": registry}
    return "503 Service Unavailable" if faults else "200 OK", content
