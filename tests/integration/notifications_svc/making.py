"""What the tests of notifications are made with."""

from collections.abc import Callable

from notifications_svc.settings import NotificationsSettings

KEY = bytes(range(32))
"""Encrypts the secrets of webhooks."""
MakeSettings = Callable[..., NotificationsSettings]
