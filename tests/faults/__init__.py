"""Something is killed, wiped or cut under load; afterwards every promise still holds."""
