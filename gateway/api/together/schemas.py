"""The shapes of several reads in one answer."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from contracts.base import NOT_EMPTY, Form, Request, many

MOST_READS: Final = 50
_SCHEMAS: Final = "#/components/schemas/"

ReadPath = Annotated[str, Form(r"^/v1/[!-~]*$", "must be a path that begins with /v1/, percent-encoded", 4, 2000)]


class BatchedRead(Request):
    """A read: a path with its query, for GET."""

    path: ReadPath


class Batch(Request):
    """Reads to answer together."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"requests": [{"path": "/v1/products/1"}, {"path": "/v1/categories?limit=3"}]}]}
    )

    requests: Annotated[tuple[BatchedRead, ...], many(MOST_READS), NOT_EMPTY]


class BatchedAnswer(BaseModel):
    """The answer to one read."""

    status: Annotated[int, Field(examples=[200])]
    headers: Annotated[dict[str, str], Field(description="`ETag` and `Retry-After`, if the answer has them.")]
    body: Annotated[Any, Field(description="What the read answers alone: the resource, or a problem document.")]


class BatchAnswer(BaseModel):
    """The answers, in the order of the requests."""

    responses: Annotated[tuple[BatchedAnswer, ...], Field(max_length=MOST_READS)]


def parts_schema(description: str, **parts: str) -> dict[str, Any]:
    """OpenAPI's description of an answer whose parts are other routes' answers, or problems. Parts are schemas."""
    properties = {
        name: {"anyOf": [{"$ref": _SCHEMAS + schema}, {"$ref": f"{_SCHEMAS}Problem"}]} for name, schema in parts.items()
    }
    schema = {"type": "object", "properties": properties, "required": list(parts)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
