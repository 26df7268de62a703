"""What already works and must go on working: settings and tokens."""

import pytest

from netra_backend.app.auth import InvalidToken, issue_token, verify_token
from netra_backend.app.config import load_settings


def test_token_names_its_user():
    assert verify_token(issue_token("alice", "s"), "s") == "alice"


def test_user_id_may_contain_dots():
    assert verify_token(issue_token("alice.b@example.com", "s"), "s") == "alice.b@example.com"


@pytest.mark.parametrize("token", ["", "alice", ".", "alice.", "alice.0000", issue_token("alice", "other")])
def test_foreign_token_is_refused(token):
    with pytest.raises(InvalidToken):
        verify_token(token, "s")


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_environment_loads(environment):
    settings = load_settings(environment)
    assert settings.environment == environment
    assert settings.ping_timeout < settings.health_interval


def test_unknown_environment_is_an_error():
    with pytest.raises(FileNotFoundError):
        load_settings("moon")
