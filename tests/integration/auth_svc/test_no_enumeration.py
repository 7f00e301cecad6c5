"""Whether somebody is registered must not be told by the time that an answer takes."""

import statistics
import time
from itertools import product

import pytest

from auth_svc.settings import AuthSettings
from contracts.auth import Login
from subjects import AUTH_LOGIN
from tests.integration.auth_svc.people import person
from tests.integration.auth_svc.small_mesh import Mesh
from tests.support.long_form import LONG


def separability(known: list[float], unknown: list[float]) -> float:
    """The area under the ROC curve of whoever guesses by the time alone: 0.5 is a coin."""
    wins = sum((a > b) + 0.5 * (a == b) for a, b in product(known, unknown))
    return wins / (len(known) * len(unknown))


@pytest.mark.skipif(not LONG, reason="measures time for half a minute: MESH_FAULTS=long")
async def test_the_time_of_an_answer_tells_nothing(mesh: Mesh, settings: AuthSettings) -> None:
    real = {"auth_argon2_memory_kib": 19_456, "auth_argon2_time_cost": 2, "auth_login_attempts": 10_000}
    await mesh.start(settings.model_copy(update=real))
    anna = await person(mesh, "anna")
    times: dict[str, list[float]] = {anna.user.email: [], "nobody@mesh.test": []}
    for turn in range(210):
        for email in sorted(times, reverse=turn % 2 == 0):
            began = time.perf_counter()
            await mesh.refused(AUTH_LOGIN, Login(email=email, password=f"not the right one {turn}"))
            if turn >= 10:  # the first ones warm up
                times[email].append(time.perf_counter() - began)
    known, unknown = times.values()
    medians = statistics.median(known), statistics.median(unknown)
    auc = separability(known, unknown)
    assert abs(medians[0] / medians[1] - 1) < 0.05, medians
    assert 0.45 <= auc <= 0.55
