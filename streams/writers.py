"""Writer schemas from the registry (写入模式): by id, or by the GUID that newer serialisers put into a header.

A registry that does not answer, or answers with anything but the schema or Confluent's own "not found" code, is an
outage: the lookup waits and tries again for ever, and logs it. No upload is ever rejected because of an outage.

GUIDs: Confluent's registry answers /schemas/guids/{guid}. Apicurio 3.3.3 has no such path (a bare 404). There the GUID
is computed as Confluent does for a schema without references, the MD5 of its text, over the versions of the topic's
subject.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx
import stamina

from pipelines.wire import WriterId, WriterSchema
from streams import metrics

LARGEST_ID: Final = (1 << 31) - 1  # an id is a signed integer; Confluent's registry answers a bare 404 to a larger one
NOT_FOUND: Final = {40401, 40403}  # subject or schema not found, in Confluent's error codes
# How long "unknown" and "of another subject" are believed: a schema may be registered at any moment.
DOUBT_S: Final = 1.0
DOUBTS_KEPT: Final = 10_000
AT_ONCE: Final = 8
LONGEST_PAUSE_S: Final = 5.0


class RegistryOutageError(Exception):
    """The registry did not answer as a registry does."""


def jittered(attempts: int) -> float:
    """Seconds to pause after so many attempts: 0.2, doubling up to LONGEST_PAUSE_S, of which half is left to chance.

    stamina's own jitter is gone once its pause has reached the longest one: all workers would ask in step.
    """
    return min(0.1 * 2.0 ** min(attempts, 10), LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)


class Registry:
    """A Confluent-compatible registry, asked until it answers."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=10)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def get(self, path: str) -> Any | None:
        """The answer as JSON; None when the registry says that there is no such schema or subject."""
        return await self._ask("GET", path)

    async def schema_id(self, subject: str, schema: Mapping[str, Any]) -> int | None:
        """Id under which `subject` holds this very schema; None when it does not."""
        text = json.dumps(schema, ensure_ascii=False)
        found = await self._ask("POST", f"/subjects/{subject}", {"schema": text})
        return None if found is None else int(found["id"])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any | None:
        with metrics.registry.asking() as asking:

            def pause(error: Exception) -> float | bool:
                return isinstance(error, RegistryOutageError) and jittered(asking.failed())

            until_answered = stamina.retry(on=pause, attempts=None, timeout=None)
            return await until_answered(self._ask_once)(method, path, content)

    async def _ask_once(self, method: str, path: str, content: Mapping[str, Any] | None) -> Any | None:
        try:
            async with self._slots:
                response = await self._client.request(method, path, json=content)
            answer = response.json() if response.content else {}
        except (httpx.TransportError, json.JSONDecodeError) as error:
            raise RegistryOutageError(f"{type(error).__name__} asking for {path}") from error
        if response.is_success:
            return answer
        if response.status_code == httpx.codes.NOT_FOUND and answer.get("error_code") in NOT_FOUND:
            return None
        if response.status_code == httpx.codes.NOT_FOUND and path.startswith("/schemas/guids/"):
            return None  # a registry without GUIDs
        raise RegistryOutageError(f"status {response.status_code} asking for {path}")


async def registered_id(url: str, subject: str, schema: Mapping[str, Any]) -> int | None:
    """The id as `Registry.schema_id` gives it, of a registry that is asked nothing else."""
    async with aclosing(Registry(url)) as registry:
        return await registry.schema_id(subject, schema)


class Writers:
    """Writer schemas by id, remembered: an id's schema never changes, only the subjects that hold it become more.

    Ids that nobody registered cost one request each, however many versions the subject has: damaged uploads carry
    hundreds of them, and the batch waits for the answers.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[WriterId, WriterSchema] = {}
        self._doubts: dict[tuple[WriterId, str], float] = {}
        self._versions: dict[tuple[str, int], Any] = {}  # what the registry says of a subject's version never changes

    async def look_up(self, ids: Iterable[WriterId], subject: str) -> dict[WriterId, WriterSchema | None]:
        """Schema of each id, None where the registry has none. `subject` is that of the topic they were met on."""
        wanted = list(ids)
        due = [writer for writer in wanted if self._is_due(writer, subject)]
        versions = await self._list(subject) if any(isinstance(writer, uuid.UUID) for writer in due) else {}
        await asyncio.gather(*(self._refresh(writer, subject, versions) for writer in due))
        return {writer: self._known.get(writer) for writer in wanted}

    def _is_due(self, writer: WriterId, subject: str) -> bool:
        known = self._known.get(writer)
        if known is not None and subject in known.subjects:
            return False
        return time.monotonic() > self._doubts.get((writer, subject), 0.0)

    async def _refresh(self, writer: WriterId, subject: str, versions: Mapping[uuid.UUID, Any]) -> None:
        found = await (self._by_id(writer) if isinstance(writer, int) else self._by_guid(writer, subject, versions))
        if found is not None:
            self._known[writer] = found
        if found is None or subject not in found.subjects:
            if len(self._doubts) >= DOUBTS_KEPT:
                self._doubts.clear()
            self._doubts[writer, subject] = time.monotonic() + DOUBT_S

    async def _by_id(self, schema_id: int) -> WriterSchema | None:
        if schema_id > LARGEST_ID:
            return None
        versions = await self._registry.get(f"/schemas/ids/{schema_id}/versions")
        schema = await self._registry.get(f"/schemas/ids/{schema_id}") if versions else None
        if versions is None or schema is None:
            return None
        return WriterSchema(_parsed(schema), frozenset(version["subject"] for version in versions))

    async def _by_guid(self, guid: uuid.UUID, subject: str, versions: Mapping[uuid.UUID, Any]) -> WriterSchema | None:
        found = versions.get(guid) or await self._registry.get(f"/schemas/guids/{guid}")
        if found is None:
            return None
        held = any(found["schema"] == version["schema"] for version in versions.values())
        return WriterSchema(_parsed(found), frozenset({subject} if held else ()))

    async def _list(self, subject: str) -> dict[uuid.UUID, Any]:
        """The subject's versions now, by the GUID of their text."""
        numbers = await self._registry.get(f"/subjects/{subject}/versions") or ()
        for number in numbers:
            if (subject, number) not in self._versions:
                answer = await self._registry.get(f"/subjects/{subject}/versions/{number}")
                if answer is not None:  # deleted since
                    self._versions[subject, number] = answer
        known = [self._versions[subject, number] for number in numbers if (subject, number) in self._versions]
        return {guid_of(version["schema"]): version for version in known}


def guid_of(schema: str) -> uuid.UUID:
    """GUID of a schema text without references, as Confluent's registry computes it."""
    return uuid.UUID(bytes=hashlib.md5(schema.encode(), usedforsecurity=False).digest())


def _parsed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The Avro schema of an answer; a schema of another language is named by its type and can be read by nobody."""
    language = answer.get("schemaType", "AVRO")
    if language != "AVRO":
        return {"type": language}
    schema = json.loads(answer["schema"])
    return schema if isinstance(schema, dict) else {"type": schema}
