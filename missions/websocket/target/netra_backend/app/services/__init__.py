"""Services between the agents and the browser."""
