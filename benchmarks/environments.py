"""What the contestants need beyond the hub's own environment (各自环境): two virtual environments, and jars.

All of it is locked: exact versions with hashes. The Java program is compiled by Eclipse's compiler, itself a jar, so
that the Java runtime of the environment is enough and nobody needs a JDK.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.packages import Packages, fetch
from sitehub.settings import Settings

PEERS: Final = Path(__file__).parent / "peers"
JAVA: Final = PEERS / "kafka_streams"
JARS_LOCK: Final = JAVA / "packages.lock"
COMPILER: Final = "org.eclipse.jdt.internal.compiler.batch.Main"
# The compiler and the runtime of the environment both know this one.
JAVA_LANGUAGE: Final = "-21"


def python_of(peer: str) -> Path:
    """The interpreter of a contestant's own environment, made when it is missing or its lock has changed."""
    lock = PEERS / peer / "requirements.lock"
    folder = _work() / f"{peer}-{_digest(lock)}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        uv = str(Path(sys.executable).parent / "uv")
        environment = {**_pip_settings(), **os.environ}
        subprocess.run([uv, "venv", "-q", "--relocatable", "-p", sys.executable, part], check=True)
        install: list[str | Path] = [
            uv,
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--require-hashes",
            "-r",
            lock,
            "-p",
            part / "bin" / "python",
        ]
        subprocess.run(install, check=True, env=environment)
        part.rename(folder)
    return folder / "bin" / "python"


def java_program() -> tuple[Path, str]:
    """The Java runtime, and the class path of the compiled Kafka Streams contestant with its jars."""
    configured = Settings()
    packages: Packages = fetch(configured.cache_dir, configured.maven_url, lock=JARS_LOCK)
    jars = f"{packages.broker_jars}/*"
    sources = sorted(JAVA.glob("peer/*.java"))
    classes = _work() / f"kafka-streams-{_digest(JARS_LOCK, *sources)}"
    if not classes.exists():
        part = classes.with_suffix(".part")
        compiler: list[str | Path] = [
            packages.java,
            "-cp",
            jars,
            COMPILER,
            JAVA_LANGUAGE,
            "-nowarn",
            "-d",
            part,
            *sources,
        ]
        subprocess.run(compiler, check=True)
        part.rename(classes)
    return packages.java, f"{classes}:{jars}"


def _work() -> Path:
    folder = Settings().home / "benchmarks" / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _pip_settings() -> dict[str, str]:
    """uv does not read pip's configuration: hand over where this machine takes its packages from."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    said = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    last = {name.rpartition(".")[2]: value.strip("'\"") for name, value in said.items()}
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    return {names[name]: value for name, value in last.items() if name in names}
