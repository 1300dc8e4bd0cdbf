"""What Strongroom costs, measured beside what it is built on; README.md tells how."""
