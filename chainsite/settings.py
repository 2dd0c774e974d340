"""Django's settings. What can be set from outside is declared in `configuration`."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from csp import constants as csp
from django.core.exceptions import ImproperlyConfigured

from . import __version__, build, configuration, databases, own_addresses, sqlite_library
from .instruments.logs import FORMATTERS

SQLITE_LIBRARY = sqlite_library.choose()

configuration.check()
BASE_DIR = configuration.BASE_DIR


def _secret_key(path: Path) -> str:
    """The key in the data folder; made on first use, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(descriptor)  # or after a power cut there is a name without a key
        # Of two processes that start at once, one link succeeds and both read that key whole.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text().strip()


# --- the node -------------------------------------------------------------------------------
NODE_DATA = configuration.DATA.value()
NODE_DATABASE_FILE = databases.in_file(NODE_DATA / "chain.sqlite3")
_ADDRESS = configuration.DATABASE_URL.value()
NODE_ROLE = configuration.ROLE.value()
REDIS_URL = configuration.REDIS_URL.value()
NODE_HOST = configuration.HOST.value()
NODE_PORT = configuration.PORT.value()
NODE_DIALECT = configuration.DIALECT.value()
NODE_DIFFICULTY = configuration.DIFFICULTY.value()
NODE_POOL_TRANSACTIONS = configuration.POOL_TRANSACTIONS.value()
NODE_POOL_BYTES = configuration.POOL_BYTES.value()
NODE_CHAIN_BYTES = configuration.CHAIN_BYTES.value()
NODE_CHAIN_BLOCKS = configuration.CHAIN_BLOCKS.value()
NODE_PEERS = configuration.PEERS.value()
NODE_PEER_DEADLINE = configuration.PEER_DEADLINE.value()
NODE_PEER_POLICY = configuration.PEER_POLICY.value()
NODE_PUBLIC_ADDRESS = configuration.PUBLIC_ADDRESS.value()
NODE_BOOTSTRAP = configuration.BOOTSTRAP.value()
NODE_NETWORKING = configuration.NETWORKING.value()
NODE_DISCOVERY = configuration.DISCOVERY.value()
NODE_POLL_EVERY = configuration.POLL_EVERY.value()
NODE_MINE_QUEUE = configuration.MINE_QUEUE.value()
NODE_MINING_CORES = configuration.MINING_CORES.value()
NODE_ACCESS_LOG = configuration.ACCESS_LOG.value()
NODE_DISK_FLOOR = configuration.DISK_FLOOR.value()
NODE_VERSION = __version__
NODE_BUILD = configuration.BUILD.value() or build.of(BASE_DIR)
NODE_SERVER = "chainsite.server.GuardedServer"

# --- who may do what (ledger.access) ----------------------------------------------------------
NODE_CLASSROOM = configuration.CLASSROOM.value()
NODE_TRUSTED_PROXIES = configuration.TRUSTED_PROXIES.value()
NODE_READ_RATE = configuration.READ_RATE.value()
NODE_WRITE_RATE = configuration.WRITE_RATE.value()
NODE_WORK_RATE = configuration.WORK_RATE.value()

# --- what the server grants its clients -------------------------------------------------------
NODE_CONNECTIONS = configuration.CONNECTIONS.value()
NODE_CONNECTIONS_PER_ADDRESS = configuration.CONNECTIONS_PER_ADDRESS.value()
NODE_LARGE_ANSWERS = configuration.LARGE_ANSWERS.value()
NODE_HEAD_DEADLINE = configuration.HEAD_DEADLINE.value()
NODE_BODY_DEADLINE = configuration.BODY_DEADLINE.value()
NODE_IDLE_DEADLINE = configuration.IDLE_DEADLINE.value()
NODE_WRITE_DEADLINE = configuration.WRITE_DEADLINE.value()

# --- Django ---------------------------------------------------------------------------------
DEBUG = configuration.DEBUG.value()
try:
    SECRET_KEY = _secret_key(NODE_DATA / "secret-key")
except OSError as error:
    raise ImproperlyConfigured(
        f"the data folder {NODE_DATA} cannot be used: {error.strerror} ({error.filename})."
        " Make it writable for this user, or name another one with --data or CHAINSITE_DATA."
    ) from error


OWN_ADDRESSES = own_addresses.in_urls()
# The names and addresses under which this machine may be called. Never `*`: a page of another site
# could point a name of its own at this machine, and its scripts would then count as ours.
ALLOWED_HOSTS = [
    *("localhost", ".localhost", "127.0.0.1", "[::1]"),
    *own_addresses.names(),
    *OWN_ADDRESSES,
    *configuration.ALLOWED_HOSTS.value(),
]

INSTALLED_APPS = [
    "ledger",  # first: its runserver goes before Daphne's
    "chainsite",
    "daphne",
    "channels",
    "chainsite.administration.Administration",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
# Short, and async from end to end: Django's own sync middleware would cost each request a thread
# hop apiece. The pages' forms carry their CSRF check themselves (`csrf_protect`).
MIDDLEWARE = [
    "chainsite.instruments.observation.observe",
    "chainsite.middleware.check_host",
    "chainsite.middleware.security_headers",
    "chainsite.policy.ContentSecurityPolicy",
    "chainsite.middleware.choose_language",
    "chainsite.visitors.Sessions",
    "chainsite.visitors.SignedIn",
    "chainsite.visitors.Messages",
    "chainsite.access.Access",
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
NODE_URLCONFS = {
    "all": "chainsite.urls",
    "web": "chainsite.urls",
    "worker": "chainsite.instruments.urls",  # it has nothing else to show
}
ROOT_URLCONF = NODE_URLCONFS[NODE_ROLE]
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
    "default": databases.on_server(_ADDRESS) if _ADDRESS else NODE_DATABASE_FILE,
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
# Off by default: on a LAN without TLS a browser would not send such cookies back at all.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = configuration.TLS.value()
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if configuration.TLS.value() else 0
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds: a working day, and no unattended week
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "ledger.views.errors.form_refused"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
    )
]
CSRF_COOKIE_HTTPONLY = False  # the page's script sends it back in a header

SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # `chainsite.middleware` sends those headers, without a thread hop
    "security.W002",  # frame-ancestors of the Content-Security-Policy does it
    "security.W003",  # every view that acts for a visitor checks the token itself
]
if not configuration.TLS.value():
    SILENCED_SYSTEM_CHECKS += ["security.W010"]  # see SESSION_COOKIE_SECURE

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": FORMATTERS[configuration.LOG_FORMAT.value()]}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "filters": {
        "failures": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: record.exc_info is not None,
        }
    },
    "loggers": {
        "ledger": {"level": configuration.LOG_LEVEL.value()},
        "chainsite": {"level": configuration.LOG_LEVEL.value()},
        "chainsite.requests": {"level": "INFO"},
        # Django's own handlers print what clients sent as it came.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # Our failures, not refusals: a line for each would let any client fill the disk.
        "django.request": {"filters": ["failures"]},
        "django.security.csrf": {"level": "ERROR"},
    },
}
