"""uvicorn's insides. Only this file imports them: its HTTP/1.1 over httptools, which FramedProtocol stands on.

tests/unit/gateway/test_uvicorn_inside.py pins what is relied on; pyproject.toml keeps newer minor versions out.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["STATUS_LINE", "HttpToolsProtocol", "RequestResponseCycle"]
