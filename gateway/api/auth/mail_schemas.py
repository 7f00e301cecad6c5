"""The shapes of the routes for tokens by e-mail."""

from typing import Annotated

from pydantic import ConfigDict, Field

from contracts.auth import Email, Password
from contracts.auth_mail import MailedToken
from contracts.base import Request

_TOKEN = "A" * 43  # an example that nobody takes for a secret


class Address(Request):
    """The e-mail address of an account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "nancy@northwind.example"}]})

    email: Email


class NewPassword(Request):
    """The token from the mail, and the new password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": _TOKEN, "new_password": "a stapler in every stable"}]}
    )

    token: Annotated[MailedToken, Field(repr=False)]
    new_password: Annotated[Password, Field(repr=False)]


class Verification(Request):
    """The token from the mail."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": _TOKEN}]})

    token: Annotated[MailedToken, Field(repr=False)]
