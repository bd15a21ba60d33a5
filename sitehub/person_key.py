"""The key behind people's pseudonyms (化名密钥): a file of its own, made at the first need and never shown."""

import logging
import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from infra.errors import StackError
from pipelines.mapping.people import KEY_BYTES, PersonKey, PersonKeyError

log = logging.getLogger(__name__)


def person_key(file: Path) -> PersonKey:
    """The key in the file; a new one where there is no file. StackError where the file holds no key."""
    if not file.exists() and make_person_key(file):
        log.warning(
            "a new person key was made; every host needs the same file",
            extra={"key_id": PersonKey.parse(file.read_text("ascii")).key_id},
        )
    try:
        return PersonKey.parse(file.read_text("ascii"))
    except (PersonKeyError, UnicodeDecodeError) as error:
        remedy = "Put the right key back: another one gives every person another pseudonym."
        raise StackError(f"{file} holds no person key of 64 hex digits.", remedy) from error


def make_person_key(file: Path) -> bool:
    """Write a random key, readable by its owner alone; False where another process was quicker.

    The file gets its name when it is whole: nobody ever reads half a key.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=file.parent, prefix=file.name) as whole:  # mode 0600
        whole.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        whole.flush()
        os.fsync(whole.fileno())
        try:
            os.link(whole.name, file)
        except FileExistsError:
            return False
    return True
