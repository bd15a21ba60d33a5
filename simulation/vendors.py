"""Vendors of each province 供应商: what they are called, how they encode, and the topics that they write."""

from collections.abc import Mapping
from typing import Any

from pipelines.names import RawTopic
from simulation.spec import world

NATIONAL_VENDOR = {"code": "cnemc", "topic": "shared", "encoding": "json"}


def vendors_of(province: str) -> dict[str, Mapping[str, Any]]:
    """The entries of world.yaml by their code."""
    found = world()["provinces"].get(province, {})
    return {vendor["code"]: vendor for vendor in found.get("vendors", [NATIONAL_VENDOR])}


def own_name(vendor: Mapping[str, Any]) -> str | None:
    """The vendor in a topic's name: None where it writes the topic that all share."""
    return vendor["code"] if vendor["topic"] == "own" else None


def topic_of(province: str, kind: str, vendor: Mapping[str, Any]) -> str:
    """The raw topic that the vendor's uploads of a kind go to."""
    return RawTopic(province, kind, own_name(vendor)).topic
