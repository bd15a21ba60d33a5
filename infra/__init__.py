"""The local stack from packages only, topics, and the supervisor that runs everything."""
