"""The shapes of `/` and `/v1/problems`."""

from pydantic import BaseModel, ConfigDict


class Link(BaseModel):
    """A link to a document of the API."""

    rel: str
    """The relation of RFC 8631, or `problems`."""
    href: str
    title: str


class Index(BaseModel):
    """Where to begin."""

    name: str
    version: str
    links: tuple[Link, ...]


class ProblemType(BaseModel):
    """What a reason means, and what to do about it."""

    model_config = ConfigDict(from_attributes=True)

    type: str
    reason: str
    status: int
    retryable: bool
    meaning: str
    what_to_do: str


class ProblemTypes(BaseModel):
    """Every type of problem, by reason."""

    items: tuple[ProblemType, ...]
