"""Make both packages.lock anew (`make lock`): jgo resolves Kafka's dependencies, this writes what they are.

slf4j-simple is named beside Kafka because adding a log4j binding instead lets its parent's managed versions turn
kafka-clients into another release than the broker.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext, PythonResolver

from infra.packages import LOCK

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
# The contestant of the benchmarks, with the compiler that makes a JDK unnecessary.
KAFKA_STREAMS = (
    "org.apache.kafka:kafka-streams:4.3.1+org.apache.avro:avro:1.12.1"
    "+org.slf4j:slf4j-simple:1.7.36+org.eclipse.jdt:ecj:3.44.0"
)
PEER_LOCK = Path(__file__).parents[1] / "benchmarks" / "peers" / "kafka_streams" / "packages.lock"
REGISTRY = ("io.apicurio", "apicurio-registry-app", "tar.gz", "all", "3.3.3")


def _line(file: Path, coordinate: str) -> str:
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_size} {coordinate}"


def _coordinate(jar: Path, repository: Path) -> str:
    *group, artifact, version, _ = jar.relative_to(repository).parts
    return f"{'.'.join(group)}:{artifact}:jar:{version}"


def main(maven_url: str) -> None:
    """Resolve at maven_url and write both locks: sha256, bytes, coordinate."""
    _write(LOCK, [*_jars(KAFKA, maven_url), _registry(maven_url)])
    _write(PEER_LOCK, _jars(KAFKA_STREAMS, maven_url))


def _jars(endpoint: str, maven_url: str) -> list[str]:
    """A line for each jar that an endpoint (group:artifact:version+…) needs."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        builder = EnvironmentBuilder(context=_context(repository, maven_url), cache_dir=Path(folder) / "environment")
        builder.from_endpoint(endpoint)
        return sorted((_line(jar, _coordinate(jar, repository)) for jar in repository.rglob("*.jar")), key=_by_name)


def _registry(maven_url: str) -> str:
    group, artifact, packaging, classifier, version = REGISTRY
    with tempfile.TemporaryDirectory() as folder:
        project = _context(Path(folder), maven_url).project(group, artifact)
        return _line(project.at_version(version).artifact(classifier, packaging).resolve(), ":".join(REGISTRY))


def _context(repository: Path, maven_url: str) -> MavenContext:
    remote = {"central": maven_url or MAVEN_CENTRAL_URL}
    return MavenContext(resolver=PythonResolver(), repo_cache=repository, local_repos=[], remote_repos=remote)


def _write(lock: Path, lines: list[str]) -> None:
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _by_name(line: str) -> str:
    return line.split()[2]


if __name__ == "__main__":
    main(sys.argv[1])
