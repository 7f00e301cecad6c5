"""Why `mesh new` refuses."""


class ScaffoldError(Exception):
    """Nothing was written; the text says why, in one sentence."""
