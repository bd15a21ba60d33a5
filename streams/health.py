"""What a worker knows of its health (健康状况), whatever it does."""

from abc import abstractmethod

from prometheus_client.registry import Collector


class Watch(Collector):
    """Tells health and gauges; a context manager, for those that look while their block runs."""

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""

    @abstractmethod
    def faults(self, now: float) -> list[str]:
        """Why the worker is not healthy at `now` (s since 1970), a sentence each; empty when it is."""
