"""`/docs`: Swagger UI, and beside it a script that keeps the access token of the page fresh."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse

_SCRIPT: Final = "/docs/session.js"
_FILES: Final = "/static-offline-docs"
"""Where fastapi-offline serves Swagger UI."""
PATHS: Final = frozenset({"/docs", _SCRIPT})

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def get_docs() -> Response:
    """The page. Swagger UI is the global `ui` of its script, so ours comes after it."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Northwind mesh - Swagger UI",
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # it would send the document to a public validator
    )
    script = f'<script src="{_SCRIPT}"></script></body>'.encode()
    return Response(bytes(page.body).replace(b"</body>", script), media_type="text/html")


@router.get(_SCRIPT)
async def get_docs_script() -> FileResponse:
    """The script."""
    return FileResponse(Path(__file__).with_name("docs.js"), media_type="text/javascript")
