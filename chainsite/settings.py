"""Settings, from the environment. Every name is listed in the README."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from pathlib import Path

import environ
from csp import constants as csp

from . import sqlite_library

SQLITE_LIBRARY = sqlite_library.choose()

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def _secret_key(path: Path) -> str:
    """The key in the data folder; made on first use, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        # Of two processes that start at once, one link succeeds and both read that key whole.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text().strip()


# --- the node -------------------------------------------------------------------------------
NODE_DATA = Path(env.str("CHAINSITE_DATA", str(BASE_DIR / "var"))).resolve()
NODE_DIALECT = env.str("CHAINSITE_DIALECT", "")
NODE_DIFFICULTY = env.int("CHAINSITE_DIFFICULTY", 0) or None
NODE_POOL_TRANSACTIONS = env.int("CHAINSITE_POOL_TRANSACTIONS", 10_000)
NODE_POOL_BYTES = env.int("CHAINSITE_POOL_BYTES", 16 * 1024 * 1024)
NODE_CHAIN_BYTES = env.int("CHAINSITE_CHAIN_BYTES", 512 * 1024 * 1024)
NODE_CHAIN_BLOCKS = env.int("CHAINSITE_CHAIN_BLOCKS", 1_000_000)
NODE_PEERS = env.int("CHAINSITE_PEERS", 64)
NODE_PEER_DEADLINE = env.float("CHAINSITE_PEER_DEADLINE", 30.0)
NODE_PEER_POLICY = env.str("CHAINSITE_PEER_POLICY", "any")
NODE_MINE_QUEUE = env.int("CHAINSITE_MINE_QUEUE", 8)
NODE_SERVER = "chainsite.server.GuardedServer"

# --- Django ---------------------------------------------------------------------------------
DEBUG = env.bool("CHAINSITE_DEBUG", False)
SECRET_KEY = _secret_key(NODE_DATA / "secret-key")


def _own_names() -> list[str]:
    """The names and addresses under which this machine may be called.

    Never `*`: a page of another site could point a name of its own at this machine, and its
    scripts would then count as ours.
    """
    names = ["localhost", ".localhost", "127.0.0.1", "[::1]"]
    host = socket.gethostname()
    names += [host, f"{host}.local"]
    try:
        infos = socket.getaddrinfo(host, None)
    except OSError:
        infos = []
    for family, _, _, _, address in infos:
        names.append(f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0]))
    return list(dict.fromkeys(names))


ALLOWED_HOSTS = [*_own_names(), *env.list("CHAINSITE_ALLOWED_HOSTS", default=[])]

INSTALLED_APPS = [
    "ledger",  # first: its runserver goes before Daphne's
    "daphne",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
# Short, and async from end to end: Django's own sync middleware would cost each request a thread
# hop apiece. The pages' forms carry their CSRF check themselves (`csrf_protect`).
MIDDLEWARE = [
    "chainsite.middleware.check_host",
    "chainsite.middleware.security_headers",
    "chainsite.policy.ContentSecurityPolicy",
    "chainsite.middleware.choose_language",
    "chainsite.visitors.Sessions",
    "chainsite.visitors.SignedIn",
    "chainsite.visitors.Messages",
    "servestatic.middleware.ServeStaticMiddleware",
]
# Everything from this node alone, and nothing written into a page: no inline script or style.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "base-uri": [csp.NONE],
    }
}
ROOT_URLCONF = "chainsite.urls"
ASGI_APPLICATION = "chainsite.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csrf",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": NODE_DATA / "chain.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # FULL: a commit is on the disk before it is acknowledged. IMMEDIATE: a transaction
            # takes the write lock when it begins, so it never fails half-way for want of it.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=0;"
                "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                # Without it, INSERT OR REPLACE deletes rows and wakes no DELETE trigger.
                "PRAGMA recursive_triggers=ON"
            ),
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds: a working day, and no unattended week
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "admin:login"
CSRF_COOKIE_HTTPONLY = False  # the page's script sends it back in a header

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "filters": {
        "failures": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: record.exc_info is not None,
        }
    },
    "loggers": {
        "ledger": {"level": env.str("CHAINSITE_LOG_LEVEL", "INFO")},
        # Our failures, not refusals: a line for each would let any client fill the disk.
        "django.request": {"filters": ["failures"]},
        "django.security.csrf": {"level": "ERROR"},
    },
}
