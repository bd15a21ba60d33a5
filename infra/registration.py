"""Puts the catalog's schemas and their compatibility levels into the registry (模式登记)."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import httpx

from infra.errors import StackError
from pipelines.names import canonical_topic, hub_topic, subject_of

if TYPE_CHECKING:
    from pipelines.catalog import Catalog

RAW_LEVEL: Final = "BACKWARD_TRANSITIVE"
CANONICAL_LEVEL: Final = "FULL_TRANSITIVE"
AT_ONCE: Final = 8


def register_schemas(registry_url: str, catalog: "Catalog") -> dict[str, int]:
    """Register every subject of the catalog; returns subject → schema id. Nothing changes where it is known already."""
    raw = {entry.subject: (entry.schema, RAW_LEVEL) for entry in catalog.raw.values()}
    canonical = {
        subject_of(canonical_topic(name)): (kind.schema, CANONICAL_LEVEL) for name, kind in catalog.made.items()
    }
    own = {subject_of(hub_topic(name)): (kind.schema, CANONICAL_LEVEL) for name, kind in catalog.published.items()}
    wanted = raw | canonical | own
    with httpx.Client(base_url=registry_url.rstrip("/"), timeout=30) as client, ThreadPoolExecutor(AT_ONCE) as hands:
        try:
            ids = hands.map(lambda subject: _register(client, subject, *wanted[subject]), wanted)
            return dict(zip(wanted, ids, strict=True))
        except httpx.TransportError as error:
            raise StackError(
                f"The registry at {registry_url} does not answer ({type(error).__name__}).",
                "Start it with `sitehub up`, or set SITEHUB_REGISTRY_URL.",
            ) from error


def _register(client: httpx.Client, subject: str, schema: Mapping[str, Any], level: str) -> int:
    # The level first: a registry without one accepts whatever comes.
    _accepted(client.put(f"/config/{subject}", json={"compatibility": level}), subject)
    text = json.dumps(schema, ensure_ascii=False)
    return int(_accepted(client.post(f"/subjects/{subject}/versions", json={"schema": text}), subject)["id"])


def _accepted(response: httpx.Response, subject: str) -> dict[str, Any]:
    answer: dict[str, Any] = response.json()
    if response.is_success:
        return answer
    raise StackError(
        f"The registry refused {subject}: {answer.get('message', response.status_code)}.",
        "Run `sitehub schemas check` to see which field breaks the compatibility, and add instead of changing.",
    )
