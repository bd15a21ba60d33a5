"""Which feed's devices come to which port (网关端口)."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.names import RawTopic

PROTOCOL = "hj212"


class UnknownFeedError(ValueError):
    """No feed of this name speaks the protocol; the text says which do."""


def topics_of(ports: Mapping[str, int], catalog_dir: Path) -> dict[str, int]:
    """Raw topic → port, of `<province>` or `<province>.<vendor>` → port. UnknownFeedError.

    Which feeds there are the names of the contract's files tell: a gateway that is started again must listen soon.
    """
    spoken = sorted(file.parent.name for file in (catalog_dir / "raw").glob(f"*/{PROTOCOL}.avsc"))
    found = {}
    for feed, port in ports.items():
        province, _, vendor = feed.partition(".")
        if province not in spoken:
            raise UnknownFeedError(f"{feed!r} is no feed with HJ 212; choose one of {', '.join(spoken)}")
        found[RawTopic(province, PROTOCOL, vendor or None).topic] = port
    if not found:
        raise UnknownFeedError('there is no port; write for example {"jiangsu": 19212}')
    return found
