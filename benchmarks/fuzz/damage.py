"""How uploads are damaged (损坏方式): each way a function of a sound upload and a seeded generator."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pipelines.wire import SCHEMA_HEADER, VALUE_LIMIT

Headers = list[tuple[str, bytes]]


class Upload(NamedTuple):
    """What a vendor sends."""

    key: bytes | None
    value: bytes | None
    headers: Headers


Damage = Callable[[Upload, random.Random], Upload]
LARGEST: Final = 10 << 20
INSERTS: Final = (
    b"\xff",
    b"\0",
    b'"',
    b"9" * 400,
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"[[",
    b"null",
    "中".encode(),
    b"\\ud800",
)
HUGE: Final = (10**400, -(10**40), 1 << 63, 1 << 64, -(1 << 63) - 1, 1e308, -1e308, 5e-324)
STRANGE: Final[tuple[object, ...]] = (
    None,
    True,
    [],
    {},
    "",
    "NaN",
    "\0",
    "９",
    "-",
    "1e999",
    [[[]]],
    {"a": {"b": 1}},
    *HUGE,
)


def untouched(upload: Upload, rng: random.Random) -> Upload:  # noqa: ARG001 (see Damage)
    """As it was: it must be accepted as ever."""
    return upload


def bits_flipped(upload: Upload, rng: random.Random) -> Upload:
    """One to three bits."""
    value = bytearray(upload.value or b"\0")
    for _ in range(rng.randint(1, 3)):
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
    return upload._replace(value=bytes(value))


def cut_short(upload: Upload, rng: random.Random) -> Upload:
    """The end is missing."""
    value = upload.value or b""
    return upload._replace(value=value[: rng.randint(0, len(value))])


def spliced(upload: Upload, rng: random.Random) -> Upload:
    """Something put in, or a piece doubled or taken out."""
    value = upload.value or b""
    one, other = sorted(rng.randint(0, len(value)) for _ in range(2))
    middle = rng.choice([b"", value[one:other] * 2, rng.choice(INSERTS), rng.randbytes(rng.randint(1, 20))])
    return upload._replace(value=value[:one] + middle + value[other:])


def another_id(upload: Upload, rng: random.Random) -> Upload:
    """Another schema's id, an unknown one, the largest."""
    number = rng.choice([0, 1, rng.randint(1, 40), 1 << 31, (1 << 32) - 1, rng.getrandbits(32)])
    return upload._replace(value=b"\0" + number.to_bytes(4, "big") + (upload.value or b"")[5:])


def another_union(upload: Upload, rng: random.Random) -> Upload:
    """A small byte, which in Avro is a union's index or a length, becomes another."""
    value = bytearray(upload.value or b"\0")
    small = [at for at, byte in enumerate(value) if byte < 8 and at >= 5] or [0]
    value[rng.choice(small)] = rng.choice([0, 1, 2, 3, 4, 5, 6, 0x7F, 0x80, 0xFE, 0xFF])
    return upload._replace(value=bytes(value))


def overlong(upload: Upload, rng: random.Random) -> Upload:
    """A number in more bytes than it needs, or than there are."""
    value = upload.value or b""
    at = rng.randint(min(5, len(value)), len(value))
    return upload._replace(value=value[:at] + b"\x80" * rng.randint(1, 12) + value[at:])


def strange_values(upload: Upload, rng: random.Random) -> Upload:
    """JSON whose values are of other types, huge, or not there."""
    content = _object(upload, rng)
    for name in rng.sample(sorted(content), min(len(content), rng.randint(1, 3))):
        content[name] = rng.choice(STRANGE)
    return upload._replace(value=json.dumps(content, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass"))


def doubled_keys(upload: Upload, rng: random.Random) -> Upload:
    """A JSON object that names a key twice, with keys nobody knows."""
    content = json.dumps(_object(upload, rng))
    return upload._replace(value=(content[:-1] + ', "x": 1, "x": 2, ' + content[1:]).encode())


def deep(upload: Upload, rng: random.Random) -> Upload:
    """JSON nested thousands of levels."""
    levels = rng.choice([100, 1000, 1024, 1025, 5000, 100_000])
    opening, closing = rng.choice([(b'{"a":', b"}"), (b"[", b"]")])
    inner = opening * levels + b"1" + closing * levels
    return upload._replace(value=b'{"deviceId": ' + inner + b"}")


def no_text(upload: Upload, rng: random.Random) -> Upload:
    """Bytes that are not UTF-8, in the middle of things."""
    value = upload.value or b""
    at = rng.randint(0, len(value))
    return upload._replace(
        value=value[:at] + rng.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8"]) + value[at + 1 :]
    )


def nothing(upload: Upload, rng: random.Random) -> Upload:
    """No value, an empty one, or blanks."""
    return upload._replace(value=rng.choice([None, b"", b" ", b"\0", b"{}", b"null"]))


def noise(upload: Upload, rng: random.Random) -> Upload:
    """Random bytes behind nothing, an id, a brace."""
    return upload._replace(
        value=rng.choice([b"", (upload.value or b"")[:5], b"{", b"\1"]) + rng.randbytes(rng.randint(0, 300))
    )


def odd_headers(upload: Upload, rng: random.Random) -> Upload:
    """Headers nobody knows, forged ones, schema headers of every shape."""
    names = [SCHEMA_HEADER, "sitehub.retries", "sitehub.reason", "sitehub.source.offset", "trace", "", "中", "x" * 300]
    values = [b"", b"\0" + rng.randbytes(4), b"\1" + rng.randbytes(16), b"9" * 5000, b"\xff", rng.randbytes(9)]
    return upload._replace(headers=[(rng.choice(names), rng.choice(values)) for _ in range(rng.randint(1, 5))])


def odd_key(upload: Upload, rng: random.Random) -> Upload:
    """A key that is none."""
    return upload._replace(key=rng.choice([None, b"", b"\xff" * 40, rng.randbytes(2000)]))


def too_large(upload: Upload, rng: random.Random) -> Upload:
    """Around the limit of an upload, and ten megabytes."""
    size = rng.choice([VALUE_LIMIT - 1, VALUE_LIMIT, VALUE_LIMIT + 1, LARGEST])
    head = (upload.value or b"")[: rng.choice([1, 5, 100])]
    return upload._replace(value=head + b" " * (size - len(head)))


# How often each is chosen: large and deep ones cost a thousand times what a flipped bit does.
WEIGHTS: Final[dict[Damage, float]] = {
    untouched: 10,
    bits_flipped: 20,
    cut_short: 8,
    spliced: 14,
    another_id: 4,
    another_union: 14,
    overlong: 6,
    strange_values: 12,
    doubled_keys: 2,
    no_text: 4,
    nothing: 1,
    noise: 4,
    odd_headers: 4,
    odd_key: 1,
    deep: 0.2,
    too_large: 0.01,
}


def damaged(sound: Sequence[Upload], count: int, rng: random.Random) -> list[Upload]:
    """`count` uploads made of sound ones; one in ten is damaged twice."""
    made = []
    for damage in rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count):
        upload = damage(rng.choice(sound), rng)
        if rng.random() < 0.1:
            upload = rng.choice((bits_flipped, spliced, cut_short, odd_headers))(upload, rng)
        made.append(upload)
    return made


def _object(upload: Upload, rng: random.Random) -> dict[str, object]:
    """The upload as a JSON object; of one that is none an object with names of its own."""
    try:
        content = json.loads(upload.value or b"")
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {f"key{n}": rng.random() for n in range(3)}
