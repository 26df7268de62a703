"""The process-wide manager, for as long as it exists."""

from netra_backend.app.websocket_core import get_websocket_manager


def test_everybody_gets_the_same_manager():
    assert get_websocket_manager() is get_websocket_manager("alice")


def test_sockets_are_kept_by_user():
    manager, socket = get_websocket_manager(), object()
    manager.connect("legacy-user", socket)
    assert manager.sockets["legacy-user"] == [socket]
    manager.disconnect("legacy-user", socket)
    assert manager.sockets["legacy-user"] == []
