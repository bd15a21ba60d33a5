"""Quix Streams, at least once or exactly once; it pins an older confluent-kafka and has an environment of its own."""
