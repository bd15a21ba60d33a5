"""A real Apache Kafka and a real Apicurio registry as child processes, from packages only (本地环境)."""
