"""What a backup is: its format, its rules and its named failures. No I/O here."""
