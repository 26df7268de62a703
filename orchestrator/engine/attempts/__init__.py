"""One agent at work: what it starts from, what it is told, and what came of it."""
