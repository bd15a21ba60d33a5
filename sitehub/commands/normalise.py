"""`sitehub normalise`: the normaliser of one province (标准化), until it is told to stop."""

import os
import sys

from sitehub.refusal import need_feed

# Read when polars and Faust are imported, below: one thread a worker, and the quicker event loop.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("FAUST_LOOP", "uvloop")


def normalise(*, province: str, watch_seconds: float = 30.0, metrics_port: int | None = None) -> None:
    """Run the normaliser of one province.

    New topics of the province (a vendor's own) are noticed: the process then starts itself again with them.
    Exit 0 when told to stop, 2 for an unknown province, 3 where topics or schemas are missing, 71 on anything
    unexpected: nothing uncommitted is visible then, and the next start goes on where the last commit stopped.

    Parameters
    ----------
    province
        The feed, e.g. jiangsu.
    watch_seconds
        How often to look for new topics.
    metrics_port
        Where /metrics and /health are served; nowhere when left out.
    """
    from infra.errors import StackError
    from infra.stack.ports import need_free
    from pipelines.catalog import Catalog
    from sitehub.kafka_faults import explained
    from sitehub.logging import configure_logging
    from sitehub.person_key import person_key
    from sitehub.settings import settings
    from streams.monitor import monitored
    from streams.normaliser import NotProvisionedError, run
    from streams.positions import of_normaliser
    from streams.watch import LogWatch

    configure_logging()
    chosen = settings()
    catalog = Catalog.read(chosen.catalog_dir, person_key=person_key(chosen.person_key_file))
    need_feed(province, catalog.provinces)
    catalog.compile(province)  # a mapping that is wrong ends it here, not at its first upload
    positions = of_normaliser(chosen.bootstrap_servers, province, catalog)
    if metrics_port is not None:
        need_free(metrics_port, "--metrics-port")
    try:
        with (
            explained(chosen.bootstrap_servers),
            monitored(chosen.metrics_host, metrics_port, LogWatch(chosen.bootstrap_servers, positions)),
        ):
            servers, registry = chosen.bootstrap_servers, chosen.registry_url
            again = run(province, catalog, servers, registry, chosen.allowed_latency, watch_seconds)
    except NotProvisionedError as error:
        sentence, _, remedy = str(error).rpartition(". ")
        raise StackError(f"{sentence}.", f"{remedy}.") from error
    if again:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # the same command and process id
