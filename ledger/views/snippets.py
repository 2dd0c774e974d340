"""Ways to ask this node, as text to be pasted: curl, Python, JavaScript."""

from __future__ import annotations

import json
import shlex
from typing import Any

Tab = dict[str, str]


def tabs(method: str, url: str, value: Any = None, *, answer: str = "json") -> list[Tab]:
    """The same request three times. `value` goes along as JSON; `answer` is how what comes is
    shown: `json`, `text`, or its `status` where nothing else comes."""
    body = json.dumps(value) if value is not None else ""
    return [
        {"name": "curl", "text": _curl(method, url, body, answer)},
        {"name": "Python", "text": _python(method, url, body, answer)},
        {"name": "JavaScript", "text": _javascript(method, url, body, answer)},
    ]


def _curl(method: str, url: str, body: str, answer: str) -> str:
    asking = "curl" if method == "GET" else f"curl -X {method}"
    if answer == "status":
        asking += " -i"
    if not body:
        return f"{asking} {shlex.quote(url)}"
    return (
        f"{asking} -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)} \\\n  {shlex.quote(url)}"
    )


def _python(method: str, url: str, body: str, answer: str) -> str:
    if body:
        asking = f'requests.{method.lower()}(\n    "{url}",\n    json={body},\n)'
    else:
        asking = f'requests.{method.lower()}("{url}")'
    shown = {"json": "answer.json()", "text": "answer.text", "status": "answer.status_code"}
    return f"import requests\n\nanswer = {asking}\nprint({shown[answer]})"


def _javascript(method: str, url: str, body: str, answer: str) -> str:
    if body:
        asking = (
            f'await fetch("{url}", {{\n  method: "{method}",\n'
            f'  headers: {{ "Content-Type": "application/json" }},\n'
            f"  body: JSON.stringify({body}),\n}})"
        )
    elif method == "GET":
        asking = f'await fetch("{url}")'
    else:
        asking = f'await fetch("{url}", {{ method: "{method}" }})'
    shown = {"json": "await answer.json()", "text": "await answer.text()"}
    return f"const answer = {asking};\nconsole.log({shown.get(answer, 'answer.status')});"
