"""How a Java program is started here."""

from typing import Final

# Tests start many short-lived servers: the first compiler stage and the plainest collector halve the start.
QUICK_START: Final[dict[bool, tuple[str, ...]]] = {
    True: ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"),
    False: ("-XX:+UseSerialGC", "-Xshare:auto"),
}
