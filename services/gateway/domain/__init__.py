"""Pure rules of the HTTP edge: no await, no clock, no I/O."""
