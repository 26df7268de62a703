"""The unit in which lengths are given."""

UNIT = "unknown"
