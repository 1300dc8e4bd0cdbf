"""What is done to bytes before they are stored, and undone when they are read, range by range.

They are compressed first (``compression``), then sealed (``sealing``). ``docs/blob-format.md`` says
byte by byte what that comes to.
"""
