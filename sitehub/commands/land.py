"""`sitehub land`: canonical records and rejected uploads into the lake and the register history (落湖)."""

import signal
import threading


def land(*, metrics_port: int | None = None) -> None:
    """Run the landing until it is told to stop.

    It takes up where its last commit stopped, and what it has collected when told to stop is landed first. Anything
    unexpected ends the process: no half commit is left, and the next start goes on.

    Parameters
    ----------
    metrics_port
        Where /metrics and /health are served; nowhere when left out.
    """
    from infra.errors import StackError
    from infra.stack.ports import need_free
    from pipelines.catalog import Catalog
    from sitehub.kafka_faults import explained
    from sitehub.logging import configure_logging
    from sitehub.settings import settings
    from store.gold import engine, upgrade
    from store.lake import Lake, OvertakenError
    from streams.landed import of_landing
    from streams.landing import Landing, Pace
    from streams.monitor import monitored
    from streams.sinks import sinks_of
    from streams.watch import LogWatch

    configure_logging()
    chosen = settings()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    catalog = Catalog.read(chosen.catalog_dir)
    upgrade(chosen.gold_url)
    lake, gold = Lake(chosen.lake_url, chosen.catalog_dir), engine(chosen.gold_url)
    positions = of_landing(chosen.bootstrap_servers, catalog, lake, gold)
    if metrics_port is not None:
        need_free(metrics_port, "--metrics-port")
    try:
        with (
            explained(chosen.bootstrap_servers),
            monitored(chosen.metrics_host, metrics_port, LogWatch(chosen.bootstrap_servers, positions)),
        ):
            landing = Landing(chosen.bootstrap_servers, catalog, lambda topic: sinks_of(topic, catalog, lake, gold))
            landing.run(Pace(chosen.landing_seconds, chosen.landing_rows), stopping.is_set)
    except OvertakenError as error:
        raise StackError(
            f"Two landings write into {chosen.lake_url}: {error}.", "Nothing is landed twice; let one of them run only."
        ) from error
    finally:
        gold.dispose()
