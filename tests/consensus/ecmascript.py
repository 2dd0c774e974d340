"""What Node.js itself makes of JSON texts: recorded in `ecmascript_numbers.json`, or asked live.

`python -m tests.consensus.ecmascript` records again, on a machine with Node.js.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import subprocess
from pathlib import Path

RECORDED = Path(__file__).parent / "ecmascript_numbers.json"
ORACLE = Path(__file__).parent / "ecmascript.mjs"

NUMBERS = [
    *("0", "-0", "0.0", "-0.0", "0e5", "-0E-5", "1", "1.0", "-1.0", "10e-1", "1E2", "1e+2"),
    *("100", "5.0", "1.5", "0.1", "0.30000000000000004", "4.35", "1506057125.900785"),
    *("9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994"),
    *("-9007199254740991", "-9007199254740993", "9007199254740991.4", "9007199254740991.5"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("123456789012345678", "123456789012345680", "100000000000000000000"),
    *("999999999999999900000", "999999999999999999999", "1000000000000000000000"),
    *("1e20", "1e21", "1e22", "1.5e20", "123e18", "1234567890123456789e3", "0.000001"),
    *("0.0000009999999", "1e-6", "1e-7", "1.5e-7", "0.00000123", "12e-8", "1e-5", "1e-10"),
    *("5e-324", "4.9e-324", "2.4703282292062328e-324", "2.4703282292062327e-324", "1e-400"),
    *("2.2250738585072014e-308", "2.2250738585072011e-308", "2.225073858507201e-308"),
    *("1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308"),
    *("1e308", "1e309", "-1e309", "1e999", "-1e999", "1E400", "1e-999", "1e0000000000000000005"),
    *("1.00000000000000011102230246251565", "1.00000000000000011102230246251566"),
    *("0.500000000000000166533453693773481063544750213623046875", "3.0e-5", "33333333.3333333333"),
    *("1" * 309, "1" * 310, "-" + "9" * 400, "1" * 1000, "0." + "1" * 400, "0." + "0" * 400 + "1"),
    *(f"1e{exponent}" for exponent in range(-330, 312, 13)),
    *(f"9.5e{exponent}" for exponent in range(-12, 26)),
    *(str(2**power + more) for power in (52, 53, 54, 63, 64, 100) for more in (-1, 0, 1, 3)),
]
STRINGS = [
    *("", "a", "0", "앨리스", "🚀", "</script>", "/", "\\", '"', "\x7f", "\x80", "\u2028\u2029"),
    *("\ufeff", "\uffff", "\ufffd", "\ud83d", "\ude80", "\ude80\ud83d", "a\ud800", "\udfffb"),
    *("".join(map(chr, range(0x20))), "e\u0301", "\u00e9", "\u202e", "\U0010ffff"),
]
OBJECTS = [
    {"b": 1, "a": 2, "B": 3, "": 4, "10": 5, "9": 6, "-1": 7, "_": 8, "é": 9, "e\u0301": 10},
    {"\U0001f680": 1, "\uffff": 2, "\ue000": 3, "\ud7ff": 4},  # by UTF-16 units, not code points
    dict(zip(["\ud83d", "\U0001f680", "\ue000", "\udfff"], range(4), strict=True)),
    {"__proto__": {"b": [], "a": {}}, "constructor": None, "toString": True, "length": False},
]


def adversarial_texts() -> list[str]:
    dice = random.Random(8785)
    doubles = (struct.unpack("d", dice.randbytes(8))[0] for _ in range(200))
    return [
        *NUMBERS,
        *(repr(double) for double in doubles if double - double == 0),
        *map(json.dumps, STRINGS),
        *map(json.dumps, OBJECTS),
        *("[]", "{}", "[[]]", "null", "true", "false", '[1.0,"1.0",{"1.0":1.0}]'),
        '{"a":1,"a":2}',
    ]


def random_texts(count: int, seed: int) -> list[str]:
    """JSON texts of all shapes, as some peer might write them."""
    dice = random.Random(seed)

    def number() -> str:
        kind = dice.randrange(5)
        if kind == 0:
            return dice.choice(NUMBERS)
        if kind == 1:
            return str(dice.randrange(-(10 ** dice.randrange(1, 30)), 10 ** dice.randrange(1, 30)))
        if kind == 2:
            double = struct.unpack("d", dice.randbytes(8))[0]
            return repr(double) if double - double == 0 else "0"
        if kind == 3:
            return f"{dice.uniform(-1e3, 1e3):.{dice.randrange(1, 20)}f}"
        return f"{dice.randrange(-999, 999)}.{dice.randrange(10**6)}e{dice.randrange(-340, 340)}"

    def string() -> str:
        ranges = ((0, 0x7F), (0, 0x24F), (0xD7F0, 0xE010), (0xFFF0, 0x10010), (0x1F600, 0x1F6FF))
        text = "".join(chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randrange(6)))
        return json.dumps(text, ensure_ascii=dice.random() < 0.5 or not text.isprintable())

    def value(depth: int) -> str:
        kind = dice.randrange(8) if depth else dice.randrange(4)
        if kind < 2:
            return number()
        if kind == 2:
            return string()
        if kind == 3:
            return dice.choice(("true", "false", "null"))
        inner = (value(depth - 1) for _ in range(dice.randrange(5)))
        if kind < 6:
            return "[" + dice.choice((",", " , ")).join(inner) + "]"
        return "{" + ",".join(f"{string()}:{item}" for item in inner) + "}"

    return [value(4) for _ in range(count)]


def ask_node(texts: list[str]) -> list[str]:
    """One Node.js process for all of them. Raises `FileNotFoundError` where there is none."""
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("node")
    asked = subprocess.run(
        [node, str(ORACLE)], input="\n".join(texts).encode(), capture_output=True, check=True
    )
    return asked.stdout.decode().split("\n")[:-1]


def record() -> None:
    texts = adversarial_texts()
    pairs = zip(texts, ask_node(texts), strict=True)
    lines = ",\n".join(json.dumps(pair) for pair in pairs)
    RECORDED.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    record()
