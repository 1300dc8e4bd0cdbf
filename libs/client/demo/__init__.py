"""What the platform does, shown with a real directory tree and proven at the end."""
