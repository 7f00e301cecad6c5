"""What the tests of notifications are made with."""

from collections.abc import Callable

from notifications_svc.settings import NotificationsSettings

MakeSettings = Callable[..., NotificationsSettings]
