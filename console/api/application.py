"""What the application holds, for its routes."""

from starlette.requests import Request

from console.access import Sessions
from console.watch import Watch


def watch_of(request: Request) -> Watch:
    """What the console knows."""
    watch: Watch = request.app.state.watch
    return watch


def sessions_of(request: Request) -> Sessions:
    """The browsers that are signed in."""
    sessions: Sessions = request.app.state.sessions
    return sessions
