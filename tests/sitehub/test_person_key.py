"""The file of the person key."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.errors import StackError
from sitehub.person_key import person_key


def test_a_key_is_made_once_and_stays(tmp_path: Path) -> None:
    """Workers that start at once have the same key; only its owner may read the file."""
    with ThreadPoolExecutor(8) as workers:
        for time in range(100):  # a file that is written under its own name is sooner or later read half-written
            file = tmp_path / f"home-{time}" / "person.key"
            keys = {key.key_id for key in workers.map(person_key, [file] * 8)}
            assert len(keys) == 1
            assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600
    assert person_key(file).key_id in keys
    assert person_key(tmp_path / "other.key").key_id not in keys


def test_a_file_without_a_key_is_told(tmp_path: Path) -> None:
    """The worker does not start with another key than it had, and what stands there is not shown."""
    file = tmp_path / "person.key"
    file.write_text("secret but no key\n")
    with pytest.raises(StackError) as caught:
        person_key(file)
    assert "secret" not in str(caught.value)
    assert str(file) in str(caught.value)
