"""What people read: a summary of a run, computed from its state, and the renderings of it."""
