"""A web application that fails, for what the web server writes about it."""

from typing import Any, NoReturn


def application(environ: dict[str, Any], start_response: object) -> NoReturn:
    raise RuntimeError("the application broke")
