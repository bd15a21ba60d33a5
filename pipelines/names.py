"""Topic and subject names: the one place that spells them."""

import re
from dataclasses import dataclass

_SEGMENT = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_RAW_TOPIC = re.compile(rf"raw\.(?P<province>{_SEGMENT})\.(?P<kind>{_SEGMENT})(?:\.(?P<vendor>{_SEGMENT}))?")
_SEGMENT_ONLY = re.compile(_SEGMENT)

HJ212_PARTS = "hub.hj212-parts"
"""Parts of split packets (拆分包) that the gateway has acknowledged and not put together yet."""


@dataclass(frozen=True)
class RawTopic:
    """A raw topic (原始上传主题): the uploads of one kind of one feed, of all vendors or of one."""

    province: str
    kind: str
    vendor: str | None = None

    def __post_init__(self) -> None:
        for part in (self.province, self.kind, self.vendor):
            if part is not None:
                _check(part)

    @property
    def topic(self) -> str:
        """The topic's name; with a vendor only that vendor may write there."""
        shared = f"raw.{self.province}.{self.kind}"
        return f"{shared}.{self.vendor}" if self.vendor else shared

    @property
    def subject(self) -> str:
        """The registry subject; vendor topics share the one of their province and kind."""
        return f"raw.{self.province}.{self.kind}-value"


def parse_raw_topic(name: str) -> RawTopic:
    """Read a raw topic's name; ValueError when it is none."""
    match = _RAW_TOPIC.fullmatch(name)
    if match is None:
        raise ValueError(
            f"{name!r} is no raw topic: expected raw.<province>.<kind>[.<vendor>] in lower case with hyphens"
        )
    return RawTopic(match["province"], match["kind"], match["vendor"])


def raw_topic(province: str, kind: str, vendor: str | None = None) -> str:
    """Name of a raw topic."""
    return RawTopic(province, kind, vendor).topic


def canonical_topic(kind: str) -> str:
    """Name of the topic with the canonical records (标准数据) of a kind."""
    return f"canonical.{_check(kind)}"


def hub_topic(kind: str) -> str:
    """Name of the topic with what the hub itself has found (自有数据) of a kind."""
    return f"hub.{_check(kind)}"


def quarantine_topic(province: str) -> str:
    """Name of the topic with the rejected uploads (隔离数据) of a feed."""
    return f"quarantine.{_check(province)}"


def subject_of(topic: str) -> str:
    """Registry subject of a topic's values (TopicNameStrategy, vendor topics shared)."""
    return parse_raw_topic(topic).subject if topic.startswith("raw.") else f"{topic}-value"


def _check(part: str) -> str:
    if not _SEGMENT_ONLY.fullmatch(part):
        raise ValueError(f"{part!r} cannot be part of a topic name: use lower-case letters, digits and single hyphens")
    return part
