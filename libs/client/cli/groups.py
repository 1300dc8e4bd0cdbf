"""How the help is ordered: what people do first comes first."""

from cyclopts import Group

FILES = Group("Files", sort_key=1)
VERSIONS = Group("Versions", sort_key=2)
HAPPENING = Group("What happens", sort_key=3)
BACKUPS = Group("Backups", sort_key=4)
PLATFORM = Group("Platform", sort_key=5)
CONNECTION = Group("Connection", sort_key=100)
OPTIONS = Group("Options", sort_key=101)
