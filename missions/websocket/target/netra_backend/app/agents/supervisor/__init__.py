"""The supervisor agent and the machinery that executes it."""
