"""What can go wrong between an agent and a browser."""


class WebSocketServiceError(Exception):
    """Base of the errors of the WebSocket services."""


class FactoryConfigurationError(WebSocketServiceError):
    """The bridge factory has no usable connection pool."""


class InvalidUserContextError(WebSocketServiceError):
    """A user, thread or run id is missing or a placeholder."""


class EmitterClosedError(WebSocketServiceError):
    """An event was emitted through an emitter whose run is over."""


class ContextClosedError(WebSocketServiceError):
    """An event was published to a context that has been cleaned up."""
