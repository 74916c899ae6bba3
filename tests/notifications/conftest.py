"""The page of a member's phones is tested with phones that are told."""

from tests.push.conftest import config, push_server, service, subscribe, tell

__all__ = ["config", "push_server", "service", "subscribe", "tell"]
