"""confluent-kafka's consumer and producer in a loop, with fastavro."""
