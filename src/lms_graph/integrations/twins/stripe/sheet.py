"""The twin's pages, in plain HTML."""

import html

from starlette.responses import HTMLResponse


def sheet(title: str, body: str, status: int = 200) -> HTMLResponse:
    style = "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title><style>{style}</style>'
        f"<h1>{html.escape(title)}</h1><p>A twin for development: no money moves.</p>{body}</html>",
        status,
    )
