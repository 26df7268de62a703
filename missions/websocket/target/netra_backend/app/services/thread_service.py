"""Threads: the conversations of a user, and word to the browser when one is renamed."""

from dataclasses import dataclass, field

from netra_backend.app.application import Application
from netra_backend.app.websocket_core.manager import get_websocket_manager


@dataclass
class ThreadService:
    """Titles of threads by (user, thread)."""

    app: Application
    titles: dict[tuple[str, str], str] = field(default_factory=dict)

    def title(self, user_id: str, thread_id: str) -> str:
        """The title of a user's thread."""
        return self.titles.get((user_id, thread_id), "Untitled")

    async def rename(self, user_id: str, thread_id: str, title: str) -> None:
        """Rename a thread and tell the user's browsers."""
        self.titles[user_id, thread_id] = title
        manager = get_websocket_manager()
        await manager.broadcast(
            {"type": "thread_renamed", "payload": {"thread_id": thread_id, "title": title}}
        )
