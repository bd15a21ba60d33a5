"""Kafka Streams in Java, at_least_once and exactly_once_v2: one stream thread, GenericRecord."""
