"""Netra backend: agents that work for a user and tell the browser what they are doing."""
