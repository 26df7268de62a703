"""Tokens that say who a browser belongs to: `<user id>.<HMAC of the user id>`."""

import hashlib
import hmac


class InvalidToken(Exception):
    """The token is malformed or was signed with another secret."""


def issue_token(user_id: str, secret: str) -> str:
    """A token for `user_id`, valid for backends that share `secret`."""
    return f"{user_id}.{_signature(user_id, secret)}"


def verify_token(token: str, secret: str) -> str:
    """The user id that `token` vouches for; raises InvalidToken."""
    user_id, _, signature = token.rpartition(".")
    if not user_id or not hmac.compare_digest(signature, _signature(user_id, secret)):
        raise InvalidToken("token refused")
    return user_id


def _signature(user_id: str, secret: str) -> str:
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()
