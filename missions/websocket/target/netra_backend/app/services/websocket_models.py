"""What travels between the backend and a browser."""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The kinds of frames that a browser receives."""

    CONNECTION_ESTABLISHED = "connection_established"
    AGENT_STARTED = "agent_started"
    AGENT_THINKING = "agent_thinking"
    TOOL_EXECUTING = "tool_executing"
    TOOL_COMPLETED = "tool_completed"
    AGENT_COMPLETED = "agent_completed"
    AGENT_FAILED = "agent_failed"
    CHAT_RESPONSE = "chat_response"
    NOTIFICATION = "notification"
    THREAD_RENAMED = "thread_renamed"
    ERROR = "error"
    PONG = "pong"


class DeliveryStatus(StrEnum):
    """What became of an event."""

    DELIVERED = "delivered"
    QUEUED = "queued"
    DROPPED = "dropped"


@dataclass
class WebSocketEvent:
    """One event for one user. `sequence` numbers the events of a run from 1; 0 is outside any run."""

    type: EventType
    user_id: str
    payload: dict[str, Any] = field(default_factory=dict)
    thread_id: str = ""
    run_id: str = ""
    sequence: int = 0
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> str:
        """The frame for this event."""
        return json.dumps(asdict(self))
