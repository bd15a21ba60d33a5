"""The key behind people's pseudonyms (化名密钥): a file of its own, made at the first need and never shown."""

import logging
import os
import secrets
import time
from pathlib import Path
from typing import Final

from infra.errors import StackError
from pipelines.mapping.people import KEY_BYTES, PersonKey, PersonKeyError

WRITTEN_WITHIN_S: Final = 5.0

log = logging.getLogger(__name__)


def person_key(file: Path) -> PersonKey:
    """The key in the file; a new one where there is no file. StackError where the file holds no key."""
    if not file.exists() and make_person_key(file):
        log.warning(
            "a new person key was made; every host needs the same file",
            extra={"key_id": PersonKey.parse(file.read_text("ascii")).key_id},
        )
    until = time.monotonic() + WRITTEN_WITHIN_S
    while True:
        try:
            return PersonKey.parse(file.read_text("ascii"))
        except (PersonKeyError, UnicodeDecodeError) as error:
            if time.monotonic() > until or file.stat().st_size:
                remedy = "Put the right key back: another one gives every person another pseudonym."
                raise StackError(f"{file} holds no person key of 64 hex digits.", remedy) from error
        time.sleep(0.05)  # another worker has just made the file and is about to write it


def make_person_key(file: Path) -> bool:
    """Write a random key, readable by its owner alone; False where another process was quicker."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{secrets.token_hex(KEY_BYTES)}\n")
    return True
