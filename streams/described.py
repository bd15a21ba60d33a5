"""An error in words that may be logged (可记录的错误): what went wrong and where, never a value of an upload."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

CAUSES: Final = 5
# Errors whose own text names addresses, topics and states only.
PLAIN_SPOKEN: Final = {"aiokafka.errors.KafkaError", "cimpl.KafkaException", "builtins.OSError"}


def described(error: BaseException) -> str:
    """Kinds and places. The error's own text may hold values of an upload, so of a person: only Kafka's and the
    operating system's are kept."""
    kinds = [type(error).__name__]
    while (cause := error.__cause__) is not None and len(kinds) < CAUSES:
        error = cause
        kinds.append(type(error).__name__)
    places = [f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    said = [str(error)] if names & PLAIN_SPOKEN else []
    return ": ".join(part for part in (" from ".join(kinds), *said, " > ".join(places)) if part)
