"""How a route reads its request: a body of strict JSON, and only known query parameters."""

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from gateway.routing.calls import called, require_guarded_alike
from gateway.routing.completing import Completion
from gateway.routing.conditional_writes import READS, expected_version, require_conditions, required_version
from gateway.routing.declared import taken_out
from gateway.routing.deprecation import Deprecation
from gateway.routing.fastapi_inside import Dependant
from gateway.routing.guard import guard
from gateway.routing.operations import OF_A_BODY, failures, require_fitting_key, with_failures, with_headers
from gateway.routing.paging import is_paged, linked, page_headers
from gateway.routing.read_only import CHANGES, divided, keep, require_unchanged
from gateway.semantics.media_type import unsupported
from gateway.semantics.preferences import PREFER, WITHOUT_CONTENT, as_preferred
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Code, Fault, FieldError, Invalid, NotFound
from mesh.wire import validation
from mesh.wire.field_reasons import FieldReason
from mesh.wire.json_text import require_unique_names


class JsonRequest(Request):
    """A request whose body is parsed and validated in one pass.

    pydantic refuses what Python's JSON parser accepts: lone surrogates, NaN, unbounded nesting.
    """

    def __init__(
        self, scope: Scope, receive: Receive, body_type: TypeAdapter[Any], read_only: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(scope, receive)
        self._body_type = body_type
        self._read_only = read_only
        self._fault: Fault | None = None

    async def json(self) -> Any:  # noqa: ANN401  # the model of whichever route it is
        """The validated model, or a value that fits no model: then `take_fault` returns the reason.

        The fault is kept, not raised: FastAPI reads the body before it runs the dependencies, and a failed access check
        must be reported first.
        """
        if (fault := unsupported(self.scope["headers"], self.method)) is None:
            body = await self.body()
            try:
                read = self._read(body)
                require_unique_names(body, read)
            except ValidationError as error:
                fault = validation.invalid_payload(error, body)
            except Invalid as error:
                fault = error.with_traceback(None)  # its traceback refers to this frame: a cycle
            else:
                return read
        self._fault = fault
        return _UNREAD

    def _read(self, body: bytes) -> Any:  # noqa: ANN401  # the model of whichever route it is
        try:
            return self._body_type.validate_json(body)
        except ValidationError:
            if not self._read_only or (parts := divided(body, self._read_only)) is None:
                raise
        rest, sent = parts
        read = self._body_type.validate_json(rest)
        keep(self, sent)
        return read

    def take_fault(self) -> Fault | None:
        """The error in the body; it is handed out once. Keeping it after it is raised would make a reference cycle."""
        fault, self._fault = self._fault, None
        return fault


_UNREAD: Final = object()


class JsonRoute(APIRoute):
    """A route of the API. Access and documented errors follow from its endpoint.

    The conditions of a write are checked before it is sent.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: Collection[str] | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        responses: dict[int | str, dict[str, Any]] | None = None,
        **more: Any,  # noqa: ANN401  # whatever else FastAPI knows of a route
    ) -> None:
        self.calls = called(endpoint)
        """The endpoint that the route calls; None if it calls none."""
        self.read_only: frozenset[str] = frozenset()
        """Fields of the resource that a body may repeat but not change (`declare_read_only`)."""
        needed = list(dependencies or ())
        self.deprecation = taken_out(needed, Deprecation)
        """Since when it is deprecated; None if it is not."""
        self.completion = taken_out(needed, Completion)
        """What `expand` adds to the items of a list; None if it adds nothing."""
        if self.completion is not None:
            require_guarded_alike(endpoint, self.calls, self.completion.endpoint)
        self.takes_preference = not READS.issuperset(methods or READS) and _has_etag(responses or {})
        """Whether it is a write that responds with a resource: then a client may prefer not to get it."""
        self._is_paged = is_paged(endpoint)
        super().__init__(
            path,
            linked(endpoint) if self._is_paged else endpoint,
            methods=list(methods) if methods else None,
            dependencies=[*_checks(self.calls, methods or READS), *needed],
            responses=responses,
            **more,
        )
        taken = {dependency.call for dependency in self.dependant.dependencies}
        self.takes_version = not taken.isdisjoint((expected_version, required_version))
        self._document(required=required_version in taken)

    def _document(self, *, required: bool) -> None:
        """Add to OpenAPI's description what follows from the declarations. `required`: whether If-Match is."""
        success = self.status_code or HTTPStatus.OK
        if self._is_paged:
            self.responses = with_headers(self.responses, success, page_headers(self.endpoint))
        if self.deprecation is not None:
            self.deprecated = True
            self.responses = with_headers(self.responses, success, self.deprecation.documented())
        if self.takes_preference:
            self.openapi_extra = {"parameters": [PREFER]}
            if success == HTTPStatus.OK:
                self.responses = {**self.responses, HTTPStatus.NO_CONTENT.value: WITHOUT_CONTENT}
        if self.calls is not None:
            statuses = failures(self.calls)
            if self.dependant.path_params:
                statuses.add(HTTPStatus.NOT_FOUND)
            if self.body_field is not None:
                statuses |= OF_A_BODY
            if self.takes_version:
                statuses.add(HTTPStatus.PRECONDITION_FAILED)
            if required:
                statuses.add(HTTPStatus.PRECONDITION_REQUIRED)
            self.responses = with_failures(self.responses, statuses)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given a JsonRequest whose query is checked."""
        handle = super().get_route_handler()
        known = query_names(self.dependant)
        body: Any = self.body_field.field_info.annotation if self.body_field else None
        body_type = TypeAdapter[Any](body)

        async def handle_strictly(request: Request) -> Response:
            if query := request.scope["query_string"]:
                request.scope["query_string"] = urlencode(read_query(query, known)).encode()
            read = JsonRequest(request.scope, request.receive, body_type, self.read_only)
            try:
                response = await handle(read)
            except RequestValidationError as error:
                error.__traceback__ = None  # its frames refer to it: a cycle
                raise read.take_fault() or _misfit(read, error, self.calls) from None
            return as_preferred(response, request.scope["headers"]) if self.takes_preference else response

        return handle_strictly


def _checks(endpoint: Endpoint[Any, Any] | None, methods: Collection[str]) -> list[params.Depends]:
    """What is checked before the route's function runs, in this order."""
    checks: list[params.Depends] = []
    if endpoint is not None:
        checks.append(guard(endpoint))
        if endpoint.keyed:
            checks.append(Depends(require_fitting_key))
    if not READS.issuperset(methods):
        checks.append(Depends(require_conditions))
    if not CHANGES.isdisjoint(methods):
        checks.append(Depends(require_unchanged))
    return checks


def _has_etag(responses: Mapping[int | str, dict[str, Any]]) -> bool:
    return any("ETag" in response.get("headers", ()) for response in responses.values())


def query_names(dependant: Dependant) -> frozenset[str]:
    """The names of the query parameters that a route knows."""
    return frozenset(name for field in dependant.query_params for name in _names(field))


def _names(field: Any) -> Iterable[str]:  # noqa: ANN401  # ModelField is FastAPI's own
    model = field.field_info.annotation
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else [field.alias]


def read_query(query: bytes, known: frozenset[str]) -> dict[str, str]:
    """The parameters by name. An empty one is not set: so forms send fields that nobody filled in.

    Raises Invalid for what FastAPI ignores: a repeated parameter, text that is not UTF-8, parameters where none are
    known.
    """
    read: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if not known:
            raise _wrong(name, FieldReason.UNKNOWN_FIELD, "unknown parameter")
        if _has_surrogates(name + value):
            raise _wrong(name, FieldReason.MALFORMED_TEXT, "is not UTF-8")
        if name in read:
            raise _wrong(name, FieldReason.GIVEN_TWICE, "is given more than once")
        read[name] = value
    return {name: value for name, value in read.items() if value or name not in known}


def _misfit(request: Request, error: RequestValidationError, endpoint: Endpoint[Any, Any] | None) -> Fault:
    """The fault for FastAPI's findings: a body that is not JSON, or each wrong parameter by name, without its value.

    A key in the path that no resource can have is not found.
    """
    if isinstance(error.body, bytes):
        unread = unsupported(request.scope["headers"], request.method)
        return unread or Invalid("unsupported_media_type", "the body must be JSON")
    found = error.errors()
    errors = [_field_error(one) for one in found[: validation.MOST_FIELD_ERRORS]]
    if any(one["loc"][0] == "path" for one in found):
        return NotFound(_missing(endpoint), "no resource has such a key", errors)
    names = ", ".join(dict.fromkeys(one.field for one in errors))
    return Invalid("invalid_request", f"invalid parameters: {names}", errors)


def _missing(endpoint: Endpoint[Any, Any] | None) -> str:
    """The endpoint's reason for a resource that is not there, if it has a single one."""
    declared = endpoint.reasons if endpoint else ()
    reasons = [reason.value for reason in declared if reason.code == Code.NOT_FOUND]
    unknown = [reason for reason in reasons if reason.endswith("_not_found")]  # others know the resource
    return unknown[0] if len(unknown) == 1 else "unknown_path"


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where = error["loc"][1:] or error["loc"]  # the first item is query, path or body
    return validation.field_error(error, where)


def _wrong(name: str, reason: FieldReason, message: str) -> Invalid:
    error = FieldError(field=validation.field_path([name]), reason=reason, message=message)
    return Invalid("invalid_request", f"{error.field}: {message}", [error])


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
