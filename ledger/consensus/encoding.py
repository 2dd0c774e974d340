"""A value's canonical text: the characters whose UTF-8 bytes are hashed.

Two families exist in this lineage (protocol, section 2):

* Python nodes hash `json.dumps(block, sort_keys=True)`: keys sorted at every level by code point,
  `", "` and `": "` between things, everything beyond ASCII escaped, numbers as `repr` prints them.
* JavaScript nodes hash sorted keys, compact, raw UTF-8, numbers as ECMAScript prints them. These
  are RFC 8785's rules, except that JavaScript rounds integers beyond 2**53 where the RFC's
  libraries refuse them, turns infinities into `null`, and escapes lone surrogates.

For each family there is a decoder (text to value) and an encoder (value to canonical text) such
that `encode(decode(text))` is what a node of that family would hash after having read `text`, and
`encode(decode(encode(x))) == encode(x)`. Only the standard `json` module is on the Python path:
its float printing and escaping *are* the rule there.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from .errors import Reason, Refused

Json = Any
"""A JSON value as `json.loads` builds it: dict, list, str, int, float, bool or None."""

_SAFE_INTEGER = 2**53 - 1  # Number.MAX_SAFE_INTEGER: up to here a double counts in ones
_MOST_DIGITS = 640  # the least that Python's own bound on digits can be set to
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_python_encoder = json.JSONEncoder(sort_keys=True)


def _python_integer(literal: str) -> int:
    """An integer, exactly. The bound is above the rule's (`Caps.digits`) and below any that the
    interpreter may be set to, so that no setting changes a verdict or costs the digits' square."""
    if len(literal) > _MOST_DIGITS:
        raise Refused(Reason.TOO_MANY_DIGITS, "an integer has too many digits")
    return int(literal)


python_decoder = json.JSONDecoder(parse_int=_python_integer)
"""Reads JSON as Python's `json.loads` does: NaN and Infinity included, integers exact.

Raises `Refused` for an integer of more than 640 digits.
"""


def python_text(value: Json) -> str:
    """`json.dumps(value, sort_keys=True)`: the canonical text of the Python dialects (ASCII)."""
    return _python_encoder.encode(value)


def python_object(members: Mapping[str, str]) -> str:
    """The canonical text of an object, from those of its members' values."""
    ordered = (f"{python_text(key)}: {members[key]}" for key in sorted(members))
    return "{" + ", ".join(ordered) + "}"


def _ecmascript_number(literal: str) -> int | float | None:
    """A JSON number literal as JavaScript would keep it: the nearest double.

    Doubles that are safe integers come back as `int` (JavaScript has one zero to print and no
    `.0`), infinities as None, since `JSON.stringify(Infinity)` is `null`.
    """
    number = float(literal)
    if math.isinf(number):
        return None
    if number.is_integer() and -_SAFE_INTEGER <= number <= _SAFE_INTEGER:
        return int(number)
    return number


def _no_constant(name: str) -> NoReturn:
    raise Refused(Reason.NOT_JSON, f"{name} is not JSON")


ecmascript_decoder = json.JSONDecoder(
    parse_int=_ecmascript_number, parse_float=_ecmascript_number, parse_constant=_no_constant
)
"""Reads JSON as `JSON.parse` does: every number is a double.

Raises `Refused` for NaN and Infinity.
"""


def ecmascript_text(value: Json) -> str:
    """The canonical text of the JavaScript dialect, of a value read by `ecmascript_decoder`."""
    try:
        return rfc8785.dumps(value).decode()
    except ValueError:  # the library's own errors, and those it trips over
        # Lone surrogates, or numbers that never went through the decoder: rare, and beyond the RFC.
        return _beyond_rfc8785(value)


def ecmascript_object(members: Mapping[str, str]) -> str:
    """The canonical text of an object, from those of its members' values."""
    by_code_unit = sorted(members, key=_code_units)
    return "{" + ",".join(f"{ecmascript_text(key)}:{members[key]}" for key in by_code_unit) + "}"


def _beyond_rfc8785(value: Json) -> str:
    if isinstance(value, dict):
        by_code_unit = sorted(value.items(), key=lambda item: _code_units(item[0]))
        members = (f"{_beyond_rfc8785(k)}:{_beyond_rfc8785(v)}" for k, v in by_code_unit)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_beyond_rfc8785, value)) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        # Astral characters are one code point in Python, so any surrogate left is a lone one.
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        value = _nearest_double(value)
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    return rfc8785.dumps(value).decode()


def _nearest_double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _code_units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def ecmascript_integer_text(number: int) -> str:
    """How JavaScript's template literals print an integer: rounded beyond 2**53, `1e+21` on."""
    return ecmascript_text(_nearest_double(number))


def hash_of(canonical: str) -> str:
    """SHA-256 of the canonical text's UTF-8 bytes, as 64 lower-case hex digits."""
    return hashlib.sha256(canonical.encode()).hexdigest()
