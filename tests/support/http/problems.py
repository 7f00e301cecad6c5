"""What every error response of the gateway must be."""

from httpx2 import Response

from mesh.wire.names import PROBLEM_JSON
from mesh.wire.problem import Problem


def problem(response: Response, status: int, reason: str) -> Problem:
    """The problem that the response carries, checked for what all have in common."""
    assert (status, reason) == (response.status_code, response.json().get("reason")), response.text
    assert PROBLEM_JSON == response.headers["content-type"]
    said = Problem.model_validate_json(response.content)
    assert status == said.status
    assert response.headers["x-request-id"] == said.request_id
    return said
