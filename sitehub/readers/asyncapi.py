"""The AsyncAPI 3.0 document of the topics that others read (接口文档): canonical records, rejected uploads, findings.

Servers are the operator's to add. `hub.hj212-parts` is the gateway's own and not in it.
"""

from importlib.metadata import version
from typing import Any, Final

from pipelines.catalog import CanonicalKind, Catalog, RawKind
from pipelines.faults import REASONS
from pipelines.names import canonical_topic, hub_topic, quarantine_topic, subject_of
from sitehub.readers.described import event_id_shape, feeds_of, key_shape

AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
BINDING: Final = "0.5.0"
COMPACTED: Final = {"cleanup.policy": ["compact"]}
DESCRIPTION: Final = """\
The canonical log of construction-site uploads (智慧工地标准数据), what was rejected of them, and what the hub finds.
The hub sends to every channel here; whoever reads receives from it. Read with `isolation.level=read_committed`.
Several canonical records may have one event_id: the latest received (received_at) holds. In a topic `hub.…` it is the
key: the latest record holds, and one without a value takes back what was found."""

REJECTED_HEADERS: Final = {
    "sitehub.reason": "Why the upload was rejected.",
    "sitehub.field": "Canonical field at fault.",
    "sitehub.detail": "What was seen; no value that may identify a person.",
    "sitehub.remedy": "What the sender is to do.",
    "sitehub.province": "Feed.",
    "sitehub.kind": "Kind of upload, as its topic names it.",
    "sitehub.vendor": "Vendor, where the topic is one vendor's.",
    "sitehub.source.topic": "Raw topic of the upload.",
    "sitehub.source.partition": "Raw partition of the upload.",
    "sitehub.source.offset": "Raw offset of the upload.",
    "sitehub.received_at": "Time of receipt, epoch milliseconds.",
    "sitehub.schema_id": "Registry id that the value named.",
    "sitehub.mapping": "Mapping that judged it.",
    "sitehub.retries": "How often it has been sent again, 0 to 3.",
    "__connect.errors.topic": "Raw topic, for tools that read dead letters of Kafka Connect.",
    "__connect.errors.partition": "Raw partition, for these tools.",
    "__connect.errors.offset": "Raw offset, for these tools.",
    "__connect.errors.exception.class.name": "The reason, for these tools.",
    "__connect.errors.exception.message": "The detail, for these tools.",
}


def asyncapi(catalog: Catalog) -> dict[str, Any]:
    """The document as plain values. Every topic is a channel of its own name, with one message and one operation."""
    channels = {canonical_topic(name): _canonical(kind, feeds_of(catalog, name)) for name, kind in catalog.made.items()}
    channels |= {hub_topic(name): _found(kind) for name, kind in catalog.published.items()}
    channels |= {quarantine_topic(province): _quarantine(province) for province in catalog.provinces}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "sitehub 智慧工地数据中枢", "version": version("sitehub"), "description": DESCRIPTION},
        "channels": channels,
        "operations": {f"send.{topic}": _sending(topic) for topic in channels},
    }


def _sending(topic: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}


def _canonical(kind: CanonicalKind, feeds: list[RawKind]) -> dict[str, Any]:
    kept: dict[str, Any] = COMPACTED if kind.register else {"retention.ms": -1}
    channel = _channel(kind, canonical_topic(kind.name), key_shape(kind), kept)
    message = channel["messages"][kind.name]
    message["correlationId"] = {
        "description": f"{event_id_shape(kind)}. Records that share it tell of one event, sent twice or corrected.",
        "location": "$message.payload#/event_id",
    }
    message["x-made-of"] = [{"topic": raw.topic, "provenance": raw.mapping.provenance} for raw in feeds]
    return channel


def _found(kind: CanonicalKind) -> dict[str, Any]:
    channel = _channel(kind, hub_topic(kind.name), event_id_shape(kind), COMPACTED)
    message = channel["messages"][kind.name]
    message["summary"] += " No value: late data have taken it back."
    message["x-made-by"] = kind.schema["made_by"]
    return channel


def _channel(kind: CanonicalKind, topic: str, key: str, kept: dict[str, Any]) -> dict[str, Any]:
    message = {
        "name": f"{kind.schema['namespace']}.{kind.schema['name']}",
        "title": kind.schema["zh"],
        "summary": kind.schema["doc"],
        "contentType": "avro/binary",
        "headers": {"type": "object", "description": "None.", "maxProperties": 0},
        "payload": {"schemaFormat": AVRO, "schema": kind.schema},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"{key} in UTF-8."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicNameStrategy",
                "bindingVersion": BINDING,
            }
        },
        "x-registry-subject": subject_of(topic),
    }
    return {
        "address": topic,
        "title": kind.schema["zh"],
        "description": kind.schema["doc_zh"],
        "messages": {kind.name: message},
        "bindings": {"kafka": {"topicConfiguration": kept, "bindingVersion": BINDING}},
    }


def _quarantine(province: str) -> dict[str, Any]:
    texts: dict[str, Any] = {name: {"type": "string", "description": doc} for name, doc in REJECTED_HEADERS.items()}
    texts["sitehub.reason"]["enum"] = [*REASONS]
    message = {
        "name": "rejected-upload",
        "title": "被拒收的上传",
        "summary": "A rejected upload: its key and bytes as they came, and why in headers that stand before its own.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": texts, "required": ["sitehub.reason", "sitehub.source.topic"]},
        "payload": {"type": ["string", "null"], "description": "The bytes of the upload, unchanged."},
        "bindings": {
            "kafka": {
                "key": {"type": ["string", "null"], "description": "The key of the upload, unchanged."},
                "bindingVersion": BINDING,
            }
        },
    }
    return {
        "address": quarantine_topic(province),
        "title": "被拒收的上传",
        "description": f"Uploads of {province} that the hub has rejected. They may hold personal data.",
        "messages": {"rejected-upload": message},
    }
