"""The WebSocket manager (Single Source of Truth)."""

from netra_backend.app.websocket_core.manager import WebSocketManager, get_websocket_manager

__all__ = ["WebSocketManager", "get_websocket_manager"]
