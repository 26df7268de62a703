"""Metrics and pages for operators. `main` installs `websocket_dashboard` from here when it exists."""
