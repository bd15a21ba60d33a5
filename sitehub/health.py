"""What a worker's `/health` says (健康状况), for `sitehub status`."""

from dataclasses import dataclass

import httpx

PATIENCE_S = 3.0


@dataclass(frozen=True)
class Health:
    """faults: why it is not healthy, a sentence each. The registry's outage, where requests wait one out: for how long
    (s), and how often the most tried one was tried."""

    healthy: bool
    faults: tuple[str, ...] = ()
    registry_waiting_s: int | None = None
    registry_attempts: int | None = None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        said = ["healthy"] if self.healthy else ["NOT healthy:", *self.faults]
        if self.registry_attempts:
            said.append(f"(waits for the registry for {self.registry_waiting_s} s, {self.registry_attempts} attempts)")
        return " ".join(said)


def health_of(url: str) -> Health:
    """Ask a worker; one that does not answer is not healthy."""
    try:
        said = httpx.get(url, timeout=PATIENCE_S).json()
    except (httpx.TransportError, ValueError) as error:
        return Health(healthy=False, faults=(f"{url} does not answer ({type(error).__name__}).",))
    outage = said["registry_outage"] or {}
    return Health(said["healthy"], tuple(said["faults"]), outage.get("waiting_s"), outage.get("attempts"))
