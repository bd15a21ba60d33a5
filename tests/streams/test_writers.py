"""Asking the registry, without one and with one that counts."""

import asyncio
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.wire import WriterSchema
from streams.writers import LARGEST_ID, Registry, Writers, guid_of

SUBJECT = "raw.x.y-value"
TEXTS = {number: json.dumps({"type": "record", "name": f"v{number}", "fields": []}) for number in (1, 2, 3)}


@pytest.fixture
def counting() -> Iterator[tuple[str, list[str]]]:
    """Address of an HTTP server with the three versions of SUBJECT and nothing else, and the paths it was asked for."""
    asked: list[str] = []
    answers: dict[str, object] = {f"/subjects/{SUBJECT}/versions": list(TEXTS)}
    for number, text in TEXTS.items():
        answers[f"/subjects/{SUBJECT}/versions/{number}"] = {"schema": text}
        answers[f"/schemas/ids/{number}"] = {"schema": text}
        answers[f"/schemas/ids/{number}/versions"] = [{"subject": SUBJECT, "version": number}]

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            found = answers.get(self.path, {"error_code": 40403})
            body = json.dumps(found).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


async def look_up_twice(url: str, first: list[int | uuid.UUID], then: list[int | uuid.UUID]) -> list[object]:
    """What one worker finds of the first batch's ids, and of the next one's."""
    registry = Registry(url)
    writers = Writers(registry)
    found = [await writers.look_up(ids, SUBJECT) for ids in (first, then)]
    await registry.aclose()
    return [*found]


def test_an_id_that_no_registry_gives_is_not_asked_for() -> None:
    """Ids are signed: a larger one is unknown at once, also while the registry is away; others wait for it."""

    async def look_up(schema_id: int) -> object:
        registry = Registry("http://127.0.0.1:1")
        try:
            return await asyncio.wait_for(Writers(registry).look_up([schema_id], SUBJECT), 1)
        except TimeoutError:
            return "waits"
        finally:
            await registry.aclose()

    assert asyncio.run(look_up(LARGEST_ID + 1)) == {LARGEST_ID + 1: None}
    assert asyncio.run(look_up(LARGEST_ID)) == "waits"


def test_an_unknown_id_costs_one_request(counting: tuple[str, list[str]]) -> None:
    """Damaged uploads carry hundreds of them, and the batch waits."""
    url, asked = counting
    numbers = list(range(1, 101))
    found, _ = asyncio.run(look_up_twice(url, [*numbers], []))
    schemas = {number: WriterSchema(json.loads(text), frozenset({SUBJECT})) for number, text in TEXTS.items()}
    assert found == {number: schemas.get(number) for number in numbers}
    assert len(asked) == 100 + len(TEXTS)  # of a known one the schema too


def test_an_unknown_guid_costs_one_request(counting: tuple[str, list[str]]) -> None:
    """However many versions the subject has; these are asked for once, their list once a batch."""
    url, asked = counting
    known = {guid_of(text): WriterSchema(json.loads(text), frozenset({SUBJECT})) for text in TEXTS.values()}
    strange = [uuid.UUID(int=number) for number in range(50)]
    found, again = asyncio.run(look_up_twice(url, [*known, *strange], [uuid.UUID(int=99)]))
    assert found == known | dict.fromkeys(strange)
    assert again == {uuid.UUID(int=99): None}
    assert len(asked) == (1 + len(TEXTS) + len(strange)) + (1 + 1)
