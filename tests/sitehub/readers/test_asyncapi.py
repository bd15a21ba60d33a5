"""The AsyncAPI document: valid by the official schema, complete, and true to what the hub sends.

asyncapi-3.0.0/schema.json.gz is schemas/3.0.0-without-$id.json of the npm package @asyncapi/specs 6.11.1, unchanged,
under the licence beside it (Apache-2.0).
"""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.topics import topic_specs
from pipelines.catalog import Catalog
from pipelines.faults import REASONS
from pipelines.names import subject_of
from sitehub.commands.catalog import app
from sitehub.readers.asyncapi import REJECTED_HEADERS, asyncapi
from sitehub.schema_history import subjects_of
from streams.outputs import Target, outputs
from tests.contract import CATALOG
from tests.pipelines.invented import TOPIC, batch_of, invented_catalog

OFFICIAL = Path(__file__).parent / "asyncapi-3.0.0" / "schema.json.gz"
SHA256 = "abe96881dbfaad495ccbb6bd8d3fb43ca18a13b9d7564849ccb66f39d5e5b20f"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of the project's catalog, as a reader gets it: through JSON."""
    made: dict[str, Any] = json.loads(json.dumps(asyncapi(CATALOG)))
    return made


@pytest.fixture(scope="module")
def official() -> jsonschema.Draft7Validator:
    """The official schema, as it was published."""
    text = gzip.decompress(OFFICIAL.read_bytes())
    assert hashlib.sha256(text).hexdigest() == SHA256
    return jsonschema.Draft7Validator(json.loads(text))


def faults(official: jsonschema.Draft7Validator, document: dict[str, Any]) -> list[str]:
    """Places of what is not valid."""
    return ["/".join(map(str, error.absolute_path)) for error in official.iter_errors(document)]


def test_it_is_valid_by_the_official_schema(official: jsonschema.Draft7Validator, document: dict[str, Any]) -> None:
    """No fault; and the schema does look at the Avro payloads, at bindings and at operations."""
    assert faults(official, document) == []
    small = {**document, "channels": {"canonical.team": document["channels"]["canonical.team"]}, "operations": {}}
    assert faults(official, small) == []
    for place, value in (
        (("messages", "team", "payload", "schema", "fields", 0, "type"), {"type": "array"}),
        (("messages", "team", "bindings", "kafka", "schemaIdLocation"), "footer"),
        (("messages", "team", "correlationId", "location"), "event_id"),
        (("bindings", "kafka", "topicConfiguration", "cleanup.policy"), "compact"),
    ):
        damaged = json.loads(json.dumps(small))
        inner = damaged["channels"]["canonical.team"]
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
        assert faults(official, damaged), place


def test_every_topic_that_others_read_is_a_channel_with_an_operation(document: dict[str, Any]) -> None:
    """All canonical and quarantine topics that are created, those of findings, and only these; references fit."""
    specs = {spec.name: spec for spec in topic_specs(CATALOG, 2, 30, "LogAppendTime", 38)}
    read = {name for name in specs if name.startswith(("canonical.", "quarantine."))} | {
        "hub.device-state",
        "hub.exceedance",
    }
    assert document["channels"].keys() == read
    assert {channel["address"] for channel in document["channels"].values()} == read
    assert {operation["channel"]["$ref"] for operation in document["operations"].values()} == {
        f"#/channels/{name}" for name in read
    }
    for name, channel in document["channels"].items():
        if "bindings" in channel:
            compacted = "cleanup.policy" in channel["bindings"]["kafka"]["topicConfiguration"]
            assert compacted == (specs[name].config.get("cleanup.policy") == "compact"), name


def test_a_message_names_the_registered_schema_and_whose_uploads_it_is_made_of(document: dict[str, Any]) -> None:
    """The payload is the very schema that is registered under the subject that the message names."""
    registered = {subject.name: subject.schema for subject in subjects_of(CATALOG)}
    for topic, channel in document["channels"].items():
        if topic.startswith(("canonical.", "hub.")):
            (message,) = channel["messages"].values()
            assert message["x-registry-subject"] == subject_of(topic)
            assert message["payload"]["schema"] == registered[subject_of(topic)]
    (message,) = document["channels"]["canonical.dust-reading"]["messages"].values()
    assert {"topic": "raw.jiangsu.hj212", "provenance": CATALOG.raw["jiangsu", "hj212"].mapping.provenance} in message[
        "x-made-of"
    ]
    assert message["correlationId"]["description"].startswith(
        "<province>:dust-reading:<device_code>:<observed_at ms>:<period>."
    )


def test_a_finding_has_its_event_as_key_and_may_be_taken_back(document: dict[str, Any]) -> None:
    """As `sitehub publish` writes it; a kind that nothing writes is not in the document."""
    (message,) = document["channels"]["hub.exceedance"]["messages"].values()
    key = message["bindings"]["kafka"]["key"]["description"]
    assert key == "<province>:exceedance:<device_code>:<observed_at ms>:<limit_id> in UTF-8."
    assert message["x-made-by"] == "sitehub publish"
    assert message["summary"].endswith("No value: late data have taken it back.")
    assert "hub.interface-check" not in document["channels"]


def test_the_headers_of_a_rejected_upload_are_described(document: dict[str, Any], tmp_path: Path) -> None:
    """Every header that the hub writes, and every reason."""
    catalog = invented_catalog(tmp_path)
    target = Target({"canonical.dust-reading-value": 9}, {"canonical.dust-reading": 1, "quarantine.yunnan": 1})
    batch = batch_of(b'{"code": 3}', b"\x00\x00\x00\x00\x05x", topic=f"{TOPIC}.acme")
    found = outputs(batch, catalog, {5: None}, target)
    written = {name for _, _, headers in found["quarantine.yunnan", 0] for name, _ in headers}
    assert written == set(REJECTED_HEADERS)
    for topic in (name for name in document["channels"] if name.startswith("quarantine.")):
        headers = document["channels"][topic]["messages"]["rejected-upload"]["headers"]
        assert headers["properties"].keys() == set(REJECTED_HEADERS)
        assert headers["properties"]["sitehub.reason"]["enum"] == list(REASONS)


def test_the_command_writes_yaml_or_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The same document to standard output and to a file."""
    catalog = invented_catalog(tmp_path)
    monkeypatch.setattr(Catalog, "read", lambda *_: catalog)
    app(["asyncapi", "--json"], result_action="return_value")
    expected = json.loads(capsys.readouterr().out)
    assert set(expected["channels"]) == {"canonical.dust-reading", "quarantine.yunnan"}
    app(["asyncapi", "--output", str(tmp_path / "hub.yaml")], result_action="return_value")
    assert yaml.safe_load((tmp_path / "hub.yaml").read_text("utf-8")) == expected
