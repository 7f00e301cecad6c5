"""What a channel may say of a delivery that did not succeed."""


class Later(Exception):
    """The message could not be delivered now."""


class Away(Later):
    """The channel delivers nothing now: other messages need not be tried either."""


class Undeliverable(Exception):
    """The message can never be delivered."""
