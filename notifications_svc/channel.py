"""The exceptions of a delivery that did not succeed."""


class Later(Exception):
    """The message could not be delivered now. Try again later."""


class Away(Later):
    """The whole channel is unavailable. Other messages would fail too."""


class Undeliverable(Exception):
    """The message can never be delivered."""
