"""What the gateway remembers so that hot files cost nobody else anything."""
