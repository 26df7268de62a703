"""One batch's work put together, judged, sorted out where it is red, and landed."""
