"""Settings of one environment, read from `config/<environment>.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CONFIG_DIR = Path(__file__).resolve().parents[2] / "config"


@dataclass(frozen=True)
class Settings:
    """What the backend needs to know to start; times are in seconds."""

    environment: str
    host: str
    port: int
    auth_secret: str
    health_interval: float
    ping_timeout: float


def load_settings(environment: str = "development", directory: Path = CONFIG_DIR) -> Settings:
    """Read the settings of `environment`; raises FileNotFoundError when there is no such environment."""
    data = tomllib.loads((directory / f"{environment}.toml").read_text(encoding="utf-8"))
    return Settings(
        environment=environment,
        host=data["server"]["host"],
        port=data["server"]["port"],
        auth_secret=data["auth"]["secret"],
        health_interval=data["websocket"]["health_interval"],
        ping_timeout=data["websocket"]["ping_timeout"],
    )
