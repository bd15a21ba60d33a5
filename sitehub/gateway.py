"""Which feed's devices come to which port (网关端口)."""

from collections.abc import Mapping

from pipelines.catalog import Catalog
from pipelines.names import RawTopic

PROTOCOL = "hj212"


class UnknownFeedError(ValueError):
    """No feed of this name speaks the protocol; the text says which do."""


def topics_of(ports: Mapping[str, int], catalog: Catalog) -> dict[str, int]:
    """Raw topic → port, of `<province>` or `<province>.<vendor>` → port. UnknownFeedError."""
    spoken = sorted(province for province, kind in catalog.raw if kind == PROTOCOL)
    found = {}
    for feed, port in ports.items():
        province, _, vendor = feed.partition(".")
        if province not in spoken:
            raise UnknownFeedError(f"{feed!r} is no feed with HJ 212; choose one of {', '.join(spoken)}")
        found[RawTopic(province, PROTOCOL, vendor or None).topic] = port
    if not found:
        raise UnknownFeedError('there is no port; write for example {"jiangsu": 19212}')
    return found
