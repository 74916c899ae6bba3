"""The fixtures of tests/push, for tests of the notifications page."""

from tests.push.conftest import config, push_server, service, subscribe, tell

__all__ = ["config", "push_server", "service", "subscribe", "tell"]
