"""The application: start-up, WebSocket services, agents and the gateway."""
