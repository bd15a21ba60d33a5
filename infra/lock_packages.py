"""Make packages.lock anew (`make lock`): jgo resolves Kafka's dependencies, this writes what they are.

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
REGISTRY = ("io.apicurio", "apicurio-registry-app", "tar.gz", "all", "3.3.3")


def _line(file: Path, coordinate: str) -> str:
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.stat().st_size} {coordinate}"


def _coordinate(jar: Path, repository: Path) -> str:
    *group, artifact, version, _ = jar.relative_to(repository).parts
    return f"{'.'.join(group)}:{artifact}:jar:{version}"


def main(maven_url: str) -> None:
    """Resolve at maven_url and write packages.lock: sha256, bytes, coordinate."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        context = MavenContext(
            resolver=PythonResolver(),
            repo_cache=repository,
            local_repos=[],
            remote_repos={"central": maven_url or MAVEN_CENTRAL_URL},
        )
        EnvironmentBuilder(context=context, cache_dir=Path(folder) / "environment").from_endpoint(KAFKA)
        lines = sorted((_line(jar, _coordinate(jar, repository)) for jar in repository.rglob("*.jar")), key=_by_name)
        group, artifact, packaging, classifier, version = REGISTRY
        archive = context.project(group, artifact).at_version(version).artifact(classifier, packaging).resolve()
        lines.append(_line(archive, ":".join(REGISTRY)))
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _by_name(line: str) -> str:
    return line.split()[2]


if __name__ == "__main__":
    main(sys.argv[1])
