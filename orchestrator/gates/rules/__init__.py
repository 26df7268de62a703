"""What it means: pure decisions on what was observed, with their reasons."""
