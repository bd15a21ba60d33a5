"""`sitehub gateway`: devices that speak to the hub themselves (网关)."""

from cyclopts import App

from sitehub.refusal import refuse

app = App(name="gateway", help="Take uploads from devices themselves.")


@app.command
def hj212(*, metrics_port: int | None = None) -> None:
    """Listen for devices that speak HJ 212, on the ports of SITEHUB_GATEWAY_PORTS, until told to stop.

    A frame is answered when Kafka has it, never before. Exit 0 when told to stop, 2 without ports or for an unknown
    feed, 3 where a topic is missing or a port is taken, 71 on anything unexpected: devices then send again what was not
    answered.

    Parameters
    ----------
    metrics_port
        Where /metrics and /health are served; nowhere when left out.
    """
    import uvloop

    from infra.errors import StackError
    from infra.stack.ports import need_free
    from pipelines.names import HJ212_PARTS
    from sitehub.gateway import UnknownFeedError, topics_of
    from sitehub.kafka_faults import explained
    from sitehub.logging import configure_logging
    from sitehub.settings import settings
    from streams.crash import crash
    from streams.gateway.limits import Limits
    from streams.gateway.log import Log
    from streams.gateway.server import Gateway
    from streams.monitor import monitored
    from streams.topics import missing, topic_partitions

    configure_logging()
    chosen = settings()
    try:
        ports = topics_of(chosen.gateway_ports, chosen.catalog_dir)
    except UnknownFeedError as error:
        refuse(f"SITEHUB_GATEWAY_PORTS: {error}")
    for port in ports.values():
        need_free(port, "SITEHUB_GATEWAY_PORTS")
    if metrics_port is not None:
        need_free(metrics_port, "--metrics-port")
    servers = chosen.bootstrap_servers

    async def serve() -> None:
        limits = Limits(connections=chosen.gateway_connections, per_address=chosen.gateway_per_address)
        log = Log(servers, limits.in_flight, crash)
        with monitored(chosen.metrics_host, metrics_port, log):
            await Gateway(servers, log, limits).run(chosen.gateway_host, ports)

    with explained(servers):
        if absent := missing([*ports, HJ212_PARTS], topic_partitions(servers)):
            raise StackError(f"There is no topic {', '.join(absent)}.", "Run `sitehub topics create`.")
        uvloop.run(serve())
