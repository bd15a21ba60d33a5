"""What is to be simulated, and the invented world it happens in 模拟设定."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml

LOCAL = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Spec:
    """A simulation is a function of this alone: the same spec gives the same bytes.

    last_day   last simulated local day (Asia/Shanghai); uploads of it may arrive on the next one
    days       number of local days
    devices    registered dust devices over all provinces, dealt evenly
    provinces  feeds that upload
    faults     whether late, doubled, damaged … uploads are mixed in
    kinds      of those in simulation/kinds/ the ones that upload; None: all of them
    """

    last_day: date
    days: int = 2
    devices: int = 72
    seed: int = 20260301
    provinces: tuple[str, ...] = ("guizhou", "sichuan", "jiangsu", "shanxi")
    faults: bool = True
    kinds: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.provinces) - set(world()["provinces"]))
        if unknown:
            raise ValueError(f"provinces: {', '.join(unknown)} not in simulation/world.yaml; add them there")
        if self.days < 1 or self.devices < len(self.provinces):
            raise ValueError("days must be at least 1 and devices at least one a province; raise them")

    @property
    def start(self) -> datetime:
        """First local midnight, as a UTC instant."""
        first = self.last_day - timedelta(days=self.days - 1)
        return datetime(first.year, first.month, first.day, tzinfo=LOCAL).astimezone(UTC)

    @property
    def minutes(self) -> int:
        """Simulated minutes."""
        return self.days * 1440

    def generator(self, *path: int) -> np.random.Generator:
        """A generator of its own for each thing simulated, so that one more device changes no other."""
        return np.random.Generator(np.random.PCG64([self.seed, *path]))


@cache
def world() -> dict[str, Any]:
    """The content of world.yaml."""
    text = (Path(__file__).parent / "world.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
