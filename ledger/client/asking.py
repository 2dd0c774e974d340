"""One question at a time: without redirects, with a timeout, and again where that is safe."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from .problems import Problem, Unreachable, refusal

_LARGEST: Final = 256 * 2**20  # bytes of an answer
_PIECE: Final = 64 * 1024
_FIRST_WAIT: Final = 0.5  # seconds, doubled each time
_LONGEST_WAIT: Final = 10.0
_PASSING: Final = (429, 502, 503, 504)  # statuses of what may be over soon
_NOTHING_DONE: Final = ("overloaded", "too-many-requests")
_INTEGERS: Final = frozenset(
    ("amount", "balance", "change", "moved", "odds", "proof", "received", "sent", "supply")
)
_DIGITS: Final = re.compile("-?[0-9]{1,4300}", re.ASCII)  # more than that Python does not convert


@dataclass(frozen=True, slots=True)
class Answer:
    """A node's answer, which is no refusal."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, *needed: str) -> dict[str, Any]:
        """The object it is, with integers where the wire has their digits.

        Raises `Problem` if it is none, or has not all that is `needed`.
        """
        try:
            value = json.loads(self.body, object_hook=_with_integers)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not value.keys() >= set(needed):
            raise Problem("This is no answer of a node", status=self.status)
        return value


def _with_integers(said: dict[str, Any]) -> dict[str, Any]:
    for name in said.keys() & _INTEGERS:
        value = said[name]
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            said[name] = int(value)
    return said


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Even with allow_redirects=False, requests would read a redirect's whole body.
        return None


def checked(url: str) -> str:
    """A node's address as requests begin with it; without a scheme it is `http`.

    Raises `ValueError`.
    """
    whole = (url if "://" in url else f"http://{url}").rstrip("/")
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{url!a} is no address of a node, such as http://127.0.0.1:8000")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{url!a} has more in it than a node's address")
    return whole


class Asking:
    """Asks one node. Not for several threads at once.

    `timeout` is how many seconds the node may be silent; `patience`, for how many seconds a
    question that may be repeated is repeated.
    """

    def __init__(self, url: str, token: str | None, timeout: float, patience: float) -> None:
        self._base = checked(url) + "/api/v1"
        self.breaks = 0  # how often there was no answer
        self._timeout, self._patience = timeout, patience
        self._session = _Session()
        self._session.trust_env = False  # a .netrc would take the token's place
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._session.close()

    def ask(
        self, method: str, path: str, *, repeatable: bool = True, wait: float = 0.0, **options: Any
    ) -> Answer:
        """The answer. `wait` is how many seconds more the node was asked to hold on; `options` are
        those of requests. What is not `repeatable` is asked again only where nothing was done.

        Raises `Problem`.
        """
        end, failures = time.monotonic() + self._patience, 0
        while True:
            try:
                return self._once(method, path, self._timeout + wait, options)
            except Problem as problem:
                self.breaks += isinstance(problem, Unreachable)
                pause = backoff(failures, problem)
                again = is_passing(problem) if repeatable else problem.name in _NOTHING_DONE
                if not again or time.monotonic() + pause > end:
                    raise
            failures += 1
            time.sleep(pause)

    def _once(self, method: str, path: str, timeout: float, options: dict[str, Any]) -> Answer:
        try:
            with closing(
                self._session.request(
                    method,
                    self._base + path,
                    timeout=timeout,
                    allow_redirects=False,
                    stream=True,
                    **options,
                )
            ) as response:
                body = _read(response.iter_content(_PIECE).__next__)
        except requests.RequestException as error:
            if isinstance(error, ValueError):  # a header or an address that cannot be sent
                raise Problem("This cannot be asked", str(error)) from error
            raise Unreachable(_in_words(error)) from error
        if not 200 <= response.status_code < 300:
            raise refusal(response.status_code, response.headers, body)
        return Answer(response.status_code, response.headers, body)


def backoff(failures: int, problem: Problem) -> float:
    """Seconds to wait before asking again: ever longer, and partly chance, so that not all clients
    come back in the same moment; never less than the node says."""
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures, 10))
    own = longest * random.uniform(0.5, 1)  # noqa: S311  # nothing secret
    return max(own, problem.retry_after or 0.0)


def is_passing(problem: Problem) -> bool:
    """Whether asking again may help."""
    return isinstance(problem, Unreachable) or problem.status in _PASSING


def _read(piece: Callable[[], bytes]) -> bytes:
    """Raises `Problem` for what never ends."""
    body = bytearray()
    while True:
        try:
            body += piece()
        except StopIteration:
            return bytes(body)
        if len(body) > _LARGEST:
            raise Problem("The answer is too large", f"it has more than {_LARGEST} bytes")


def _in_words(error: requests.RequestException) -> str:
    """Without the addresses in memory that the libraries tell of."""
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not to be trusted, or it speaks no TLS"
    if isinstance(error, requests.ConnectionError):
        refused = "refused" in str(error)
        return "it refused the connection" if refused else "there is no connection to it"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the midst of an answer"
    return type(error).__name__
