"""The HTTP API: one module per aggregate, one short function per call."""
