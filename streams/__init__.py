"""Kafka in motion (流): the normaliser of each province, landing into the lake, ledger, replay and retry."""
