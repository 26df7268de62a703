"""Whether tests care: what a batch changed is broken on purpose, and the gate is run again."""
