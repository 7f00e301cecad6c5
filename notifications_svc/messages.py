"""The texts of notifications. Each kind has a template for plain text and one for HTML."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from contracts.notifications import NotificationKind
from notifications_svc.kinds import KINDS, Kind, TokenMail

_SUBJECTS: Final[Mapping[Kind, str]] = {
    NotificationKind.ACCOUNT_CREATED: "Your account",
    NotificationKind.ORDER_PLACED: "We received your order {}",
    NotificationKind.ORDER_CONFIRMED: "Your order {} is confirmed",
    NotificationKind.ORDER_REFUSED: "We cannot deliver your order {}",
    NotificationKind.ORDER_CANCELLED: "Your order {} is cancelled",
    NotificationKind.ORDER_DISPATCHED: "Your order {} is on its way",
    NotificationKind.ORDER_DELIVERED: "Your order {} has arrived",
    TokenMail.PASSWORD_RESET: "Reset your password",
    TokenMail.EMAIL_VERIFICATION: "Verify your e-mail address",
}


def subject(kind: Kind, order_id: int | None) -> str:
    """The subject line."""
    return _SUBJECTS[kind].format(order_id)


class Texts(NamedTuple):
    """The body of a message in both forms."""

    plain: str
    html: str


class Templates:
    """All templates, compiled. Raises TemplateNotFound if one is missing."""

    def __init__(self) -> None:
        loader = PackageLoader("notifications_svc")
        plain = Environment(loader=loader, undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701  # plain text
        html = Environment(loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True)
        self._templates: dict[Kind, tuple[Template, Template]] = {
            kind: (plain.get_template(f"{kind}.txt"), html.get_template(f"{kind}.html")) for kind in KINDS
        }

    def render(self, kind: Kind, values: Mapping[str, Any]) -> Texts:
        """The body of a message. `values` are the fields of the event's payload."""
        plain, html = self._templates[kind]
        return Texts(plain.render(values), html.render(values, subject=subject(kind, values.get("order_id"))))
