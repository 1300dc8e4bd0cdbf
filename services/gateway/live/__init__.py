"""Live updates: one source per topic, however many sockets listen."""
