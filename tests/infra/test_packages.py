"""Fetching broker and registry: what is locked is what is there."""

import errno
import hashlib
import io
import shutil
import tarfile
import threading
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.errors import StackError
from infra.packages import Package, fetch, locked, missing_bytes


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without writing about it."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Maven repository on the loopback address with one jar and one archive, and the lock that lists them."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as content:
        content.addfile(tarfile.TarInfo("quarkus-run.jar"))
    files = {"org.example:broker:jar:1.0": b"a jar", "org.example:registry:tar.gz:all:2.0": archive.getvalue()}
    root, lines = tmp_path / "repository", []
    for coordinate, content_ in files.items():
        package = Package(coordinate, hashlib.sha256(content_).hexdigest(), len(content_))
        (root / package.path).parent.mkdir(parents=True)
        (root / package.path).write_bytes(content_)
        lines.append(f"{package.sha256} {package.size} {coordinate}")
    lock = tmp_path / "test.lock"
    lock.write_text("\n".join(lines))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", lock
    server.shutdown()
    server.server_close()


def test_the_committed_lock_names_kafka_once_and_in_one_version() -> None:
    """A second version of Kafka's own jars would be a resolver's mistake."""
    versions = {package.coordinate.split(":")[-1] for package in locked() if ":kafka" in package.coordinate}
    assert versions == {"4.3.1"}
    assert len({package.filename for package in locked()}) == len(locked())


def test_fetched_once_then_taken_from_the_cache(repository: tuple[str, Path], tmp_path: Path) -> None:
    """The second call needs no network; the progress adds up to the whole."""
    url, lock = repository
    sizes: list[int] = []
    packages = fetch(tmp_path / "cache", url, sizes.append, lock)
    assert (packages.broker_jars / "broker-1.0.jar").read_bytes() == b"a jar"
    assert packages.registry_jar.exists()
    assert sum(sizes) == sum(package.size for package in locked(lock))
    assert missing_bytes(tmp_path / "cache", lock) == 0
    assert fetch(tmp_path / "cache", "http://127.0.0.1:1", lock=lock) == packages


def test_another_content_than_the_locked_one_is_refused(repository: tuple[str, Path], tmp_path: Path) -> None:
    """A repository that delivers something else is named, and nothing of it is kept."""
    url, lock = repository
    (tmp_path / "repository/org/example/broker/1.0/broker-1.0.jar").write_bytes(b"another jar")
    with pytest.raises(StackError, match=r"org\.example:broker:jar:1\.0 .* has sha256 .* Nothing of it was kept"):
        fetch(tmp_path / "cache", url, lock=lock)
    assert not list((tmp_path / "cache").rglob("broker-1.0.jar*"))
    (tmp_path / "repository/org/example/broker/1.0/broker-1.0.jar").write_bytes(b"a jar")
    assert fetch(tmp_path / "cache", url, lock=lock).registry_jar.exists()


def test_a_missing_network_is_one_sentence_with_the_remedy(tmp_path: Path, repository: tuple[str, Path]) -> None:
    """It says what could not be fetched and which setting helps."""
    _, lock = repository
    with pytest.raises(StackError, match=r"could not be fetched: no connection .* SITEHUB_MAVEN_URL"):
        fetch(tmp_path / "cache", "http://127.0.0.1:1", lock=lock)


def test_a_file_that_the_repository_lacks_is_named(tmp_path: Path, repository: tuple[str, Path]) -> None:
    """A mirror without the file is told apart from a missing network."""
    url, lock = repository
    with pytest.raises(StackError, match=r"answered 404\. Set SITEHUB_MAVEN_URL"):
        fetch(tmp_path / "cache", f"{url}/elsewhere", lock=lock)


def test_a_full_disk_is_one_sentence_with_the_remedy(
    tmp_path: Path, repository: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched where it would not fit."""
    url, lock = repository
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
    with pytest.raises(StackError, match=r"The disk of .* is full\. .*SITEHUB_CACHE_DIR") as caught:
        fetch(tmp_path / "cache", url, lock=lock)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
