"""What Java has learnt of Kafka: brokers start from it, and nothing that is wrong with it keeps one from starting."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra.packages import Packages
from infra.stack.broker import broker_service
from infra.stack.java import knowing, learnt
from infra.stack.trained import train


def test_brokers_start_from_what_java_has_learnt(packages: Packages, tmp_path: Path) -> None:
    """It is there once the packages are, the option names it, and Java takes it."""
    known = learnt(packages)
    assert known.stat().st_size > 1_000_000
    command = broker_service(tmp_path, packages, 1, quick=True).command
    assert f"-XX:AOTCache={known}" in command
    main = command.index("kafka.Kafka")
    answer = subprocess.run([*command[:main], "-XX:AOTMode=on", "-version"], capture_output=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture
def elsewhere(packages: Packages, tmp_path: Path) -> Packages:
    """The same packages where nothing was learnt yet."""
    (tmp_path / "broker").symlink_to(packages.broker_jars)
    return replace(packages, broker_jars=tmp_path / "broker")


def test_a_machine_that_cannot_learn_tries_once(elsewhere: Packages) -> None:
    """A Java that fails leaves an empty file, and brokers start without."""
    train(replace(elsewhere, java=Path("/bin/false")))
    assert learnt(elsewhere).read_bytes() == b""
    assert knowing(elsewhere) == ()
    train(replace(elsewhere, java=Path("/nowhere/java")))  # not even asked


def test_what_is_of_no_use_is_passed_over(elsewhere: Packages) -> None:
    """Damage in it keeps no Java from starting."""
    learnt(elsewhere).write_bytes(b"damaged")
    answer = subprocess.run([str(elsewhere.java), *knowing(elsewhere), "-version"], capture_output=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
