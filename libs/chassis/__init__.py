"""What every service needs and none should write again.

Settings, database, outbox, inbox, dead letters, bus, requests, reactions, telemetry, health, run.
"""
