"""What one client, and all of them together, may take of the gateway (限额)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Times in s.

    connections, per_address: at once. in_flight, in_flight_each: frames that Kafka has not acknowledged, of all clients
    and of one; beyond, the gateway stops reading. first_frame: until the first sound frame of a connection.
    whole_frame: from a frame's first byte to its last. idle: between two frames; real-time data come at least once an
    hour. slow_reader: until a client has taken its answers. damaged: frames in a row. noise: bytes between two sound
    frames.
    """

    connections: int = 5000
    per_address: int = 500
    in_flight: int = 5000
    in_flight_each: int = 16
    first_frame: float = 60.0
    whole_frame: float = 30.0
    idle: float = 3900.0
    slow_reader: float = 10.0
    damaged: int = 10
    noise: int = 64 << 10
