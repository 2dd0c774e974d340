"""Every setting of this project: its name, type, default and meaning, declared once.

`chainsite/settings.py` takes its values from here, `manage.py listsettings` lists them, and
`docs/settings.md` is made from them. Values come from the environment; a few have an option on the
command line that goes before it. An empty value counts as none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from ledger.consensus import DIALECTS
from ledger.consensus.dialects import MAX_DIFFICULTY

from .databases import database_url
from .kinds import Setting, choice, folder, names, redis_url, seconds, switch, text, whole

BASE_DIR: Final = Path(__file__).resolve().parent.parent
PREFIX: Final = "CHAINSITE_"

# --- the node -------------------------------------------------------------------------------
DATA = folder(
    "CHAINSITE_DATA",
    BASE_DIR / "var",
    "The data folder: the database and the secret key.",
    option="dev.py run --data",
)
DATABASE_URL = database_url(
    "DATABASE_URL",
    "A PostgreSQL database to keep the chain in, instead of a file in the data folder: see"
    " docs/postgresql.md.",
)
ROLE = choice(
    "CHAINSITE_ROLE",
    "all",
    "What this process does of the node's work: everything; or, of several on one database, `web`"
    " serves, and `worker` searches for blocks and keeps in touch with peers.",
    of=("all", "web", "worker"),
    option="runnode --role",
)
REDIS_URL = redis_url(
    "REDIS_URL",
    "Where the processes of one node wake each other; without it they look by the clock.",
)
HOST = text("CHAINSITE_HOST", "127.0.0.1", "The address to listen on.", option="dev.py run --host")
PORT = whole(
    "CHAINSITE_PORT",
    8000,
    "The port to listen on; 0 picks a free one.",
    at_least=0,
    at_most=65535,
    option="dev.py run --port",
)
DIALECT = choice(
    "CHAINSITE_DIALECT",
    "",
    "Which peers a new data folder speaks to; kept from then on.",
    of=tuple(DIALECTS),
    stands_for="seed",
    option="dev.py run --dialect",
)
DIFFICULTY = whole(
    "CHAINSITE_DIFFICULTY",
    None,
    "Leading zeros of a proof's hash in a new data folder; kept from then on.",
    at_least=0,
    at_most=MAX_DIFFICULTY,
    stands_for="4",
    option="dev.py run --difficulty",
)
POOL_TRANSACTIONS = whole(
    "CHAINSITE_POOL_TRANSACTIONS", 10_000, "How many transactions may wait in the pool."
)
POOL_BYTES = whole(
    "CHAINSITE_POOL_BYTES", 16 * 1024 * 1024, "How large they may be together, in bytes."
)
MINE_QUEUE = whole("CHAINSITE_MINE_QUEUE", 8, "How many requests for a block may wait.")
MINING_CORES = whole(
    "CHAINSITE_MINING_CORES", 1, "How many cores search for a proof; 0 is all of them.", at_least=0
)
PEERS = whole("CHAINSITE_PEERS", 64, "How many peers are kept.")
PEER_DEADLINE = seconds(
    "CHAINSITE_PEER_DEADLINE", 30.0, "How long a peer has for its whole answer, in seconds."
)
PEER_POLICY = choice(
    "CHAINSITE_PEER_POLICY",
    "any",
    "Where peers may be; `private` includes `loopback`.",
    of=("loopback", "private", "any"),
)
PUBLIC_ADDRESS = text(
    "CHAINSITE_PUBLIC_ADDRESS",
    "",
    "The `host:port` other nodes reach this one by; empty: the address it calls them from.",
)
BOOTSTRAP = names("CHAINSITE_BOOTSTRAP", "Peers to begin with, as `host:port` with commas between.")
NETWORKING = choice(
    "CHAINSITE_NETWORKING",
    "automatic",
    "Whether peers are visited and told of news by themselves, or, as in the article, only asked"
    " when somebody resolves.",
    of=("automatic", "manual"),
)
POLL_EVERY = seconds(
    "CHAINSITE_POLL_EVERY",
    10.0,
    "How long at least between two visits to an old peer; up to twelve times as long where little"
    " happens.",
)
DISCOVERY = choice(
    "CHAINSITE_DISCOVERY",
    "off",
    "`mdns`: announce this node on the local network by multicast DNS, and meet those that do;"
    " needs the package zeroconf.",
    of=("off", "mdns"),
    option="dev.py run --lan",
)
CHAIN_BYTES = whole(
    "CHAINSITE_CHAIN_BYTES", 512 * 1024 * 1024, "The largest chain read from a peer, in bytes."
)
CHAIN_BLOCKS = whole(
    "CHAINSITE_CHAIN_BLOCKS", 1_000_000, "The longest chain read from a peer, in blocks."
)

# --- who may do what ------------------------------------------------------------------------
CLASSROOM = names(
    "CHAINSITE_CLASSROOM",
    "Networks where everybody may mine and resolve, with commas between; `lan`: all private ones.",
    option="dev.py run --classroom",
)
TRUSTED_PROXIES = names(
    "CHAINSITE_TRUSTED_PROXIES",
    "Addresses of your reverse proxies: what they say of who asks and how is believed, and nobody"
    " who comes through them counts as local.",
)
READ_RATE = whole(
    "CHAINSITE_READ_RATE",
    1200,
    "Pages, `/chain` and sockets a minute for each address but this machine's, a quarter of them at"
    " once; 0 is no limit.",
    at_least=0,
)
WRITE_RATE = whole(
    "CHAINSITE_WRITE_RATE",
    120,
    "The same for transactions, registrations and the admin's forms.",
    at_least=0,
)
WORK_RATE = whole(
    "CHAINSITE_WORK_RATE", 20, "The same for mining, resolving and cancelling.", at_least=0
)

# --- what the server grants its clients -----------------------------------------------------
CONNECTIONS = whole(
    "CHAINSITE_CONNECTIONS",
    512,
    "Connections at once, WebSockets included; fewer if the system allows fewer open files.",
)
CONNECTIONS_PER_ADDRESS = whole(
    "CHAINSITE_CONNECTIONS_PER_ADDRESS",
    64,
    "And of one address (IPv6: one /64) other than this machine's and the proxies'; 0 is no limit.",
    at_least=0,
)
LARGE_ANSWERS = whole(
    "CHAINSITE_LARGE_ANSWERS",
    4,
    "Answers over 256 KiB, such as long chains, sent at once; one address has half at most.",
)
HEAD_DEADLINE = seconds(
    "CHAINSITE_HEAD_DEADLINE", 10.0, "From connecting to the end of a request's head."
)
BODY_DEADLINE = seconds("CHAINSITE_BODY_DEADLINE", 20.0, "For a request's body.")
IDLE_DEADLINE = seconds("CHAINSITE_IDLE_DEADLINE", 30.0, "How long a kept connection may be idle.")
WRITE_DEADLINE = seconds(
    "CHAINSITE_WRITE_DEADLINE",
    20.0,
    "Without progress, before a client that does not read is cut off.",
)

# --- the site -------------------------------------------------------------------------------
ALLOWED_HOSTS = names("CHAINSITE_ALLOWED_HOSTS", "More names this machine is called by.")
TLS = switch(
    "CHAINSITE_TLS",
    False,
    "Browsers come by HTTPS alone, through a proxy: cookies are kept to it, and HSTS is sent.",
)
DEBUG = switch(
    "CHAINSITE_DEBUG", False, "Django's debug pages; never on a machine others can reach."
)

BUILD = text(
    "CHAINSITE_BUILD",
    "",
    "What this build is called, beside the version; empty: the checkout's commit.",
)

# --- instruments ----------------------------------------------------------------------------
LOG_LEVEL = choice(
    "CHAINSITE_LOG_LEVEL",
    "INFO",
    "What the node writes to its log: this and what is worse.",
    of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
)

LOG_FORMAT = choice(
    "CHAINSITE_LOG_FORMAT", "text", "How log lines are written, on stderr.", of=("text", "json")
)
ACCESS_LOG = switch(
    "CHAINSITE_ACCESS_LOG",
    False,
    "A log line for each request; any client could fill the disk with them.",
)
DISK_FLOOR = whole(
    "CHAINSITE_DISK_FLOOR",
    64 * 1024 * 1024,
    "With fewer bytes free than this, `/readyz` says not ready.",
    at_least=0,
)

# --- the script -----------------------------------------------------------------------------
VENV = text("CHAINSITE_VENV", ".venv", "Where dev.py keeps its environment; read by it alone.")

SETTINGS: Final[tuple[Setting[Any], ...]] = tuple(
    value for value in globals().copy().values() if isinstance(value, Setting)
)


def shown(value: Any) -> str:
    """A value as one would write it into the environment."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, Path) and value.is_relative_to(BASE_DIR):
        return str(value.relative_to(BASE_DIR))
    return "" if value is None else str(value)


def default_of(setting: Setting[Any]) -> str:
    """Its default in words; empty if that is nothing."""
    return setting.stands_for or shown(setting.default)


def check() -> None:
    """Look at all values given. Raises `ImproperlyConfigured`, with a line for each bad one."""
    found = []
    for setting in SETTINGS:
        try:
            setting.value()
        except ImproperlyConfigured as error:
            found.append(str(error))
    if found:
        raise ImproperlyConfigured("\n".join(found))


def strangers(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Names in the environment that look like settings and are none, and the nearest that is.

    The tests have names of their own, which begin with CHAINSITE_TEST_.
    """
    known = [setting.name for setting in SETTINGS]
    return {
        name: next(iter(get_close_matches(name, known, n=1)), "")
        for name in sorted(environment)
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and name not in known
    }


def as_markdown() -> str:
    """The text of `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "From the environment; an option on the command line goes first. A value that cannot be",
        "ends the start with a sentence. `python3 dev.py manage listsettings` says what is in",
        "force and where it came from; with `--markdown` it writes this file.",
        "",
        "| variable | is | default | means |",
        "|---|---|---|---|",
    ]
    for setting in SETTINGS:
        default = f"`{default_of(setting)}`" if default_of(setting) else ""
        option = f" Option: `{setting.option}`." if setting.option else ""
        lines.append(
            f"| `{setting.name}` | {setting.kind} | {default} | {setting.meaning}{option} |"
        )
    return "\n".join(lines) + "\n"
