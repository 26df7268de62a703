"""What happened: checks are run in trees of their own, and what they did is recorded."""
