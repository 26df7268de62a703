"""The only door to git: the user's repository, the run's store, workspaces, capture and landing."""
