"""The folder that a test process is shown: one module, and nothing else of this program."""
