"""`manage.py runnode`: migrate, check, start, and serve until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.checks import Tags
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from ledger.access import explanation
from ledger.access.policy import Policy
from ledger.management import first_run
from ledger.management.base import AT_START
from ledger.management.opening import database_in_words, failures_in_words, open_database
from ledger.management.progress import verification_progress
from ledger.node import lifecycle
from ledger.node.errors import NodeError
from ledger.node.node import ALL, WEB

_BACKLOG: Final = 1024


class Command(BaseCommand):
    help = "Run this node: the five endpoints, the page and its live updates."
    requires_system_checks = AT_START

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.NODE_HOST, help="address to listen on")
        parser.add_argument(
            "--port", type=int, default=settings.NODE_PORT, help="port; 0 picks a free one"
        )
        parser.add_argument(
            "--role",
            choices=settings.NODE_URLCONFS,
            default=settings.NODE_ROLE,
            help="what of the node's work this process does",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Before the system checks, which judge the address that is in force.
        settings.NODE_HOST, settings.NODE_PORT = options["host"], options["port"]
        settings.NODE_ROLE = options["role"]
        settings.ROOT_URLCONF = settings.NODE_URLCONFS[options["role"]]
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            policy = Policy.from_settings()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        role, host = options["role"], options["host"]
        bound = self._bind(host, options["port"])
        settings.NODE_PORT = port = bound.getsockname()[1]  # what peers are told
        if role == ALL:  # who comes early waits
            bound.listen(_BACKLOG)
        if role != WEB:
            open_database(guard=True)
            self.check(tags=[Tags.database], databases=["default"])
        try:
            with failures_in_words(), verification_progress(self.stderr) as progress:
                node = lifecycle.open_for_serving(progress, self._say_waiting)
                greeting = first_run.greet(self.stdout) if role != WEB else ""
        except NodeError as error:
            raise CommandError(f"this node does not start.\n{error}") from error
        bound.listen(_BACKLOG)
        report = lifecycle.verified()
        checked = f"{report.blocks} blocks, checked" if report else "checked by the worker"
        opened = "\n              ".join(explanation.summary(policy, host, port))
        self.stdout.write(
            f"chainsite{'' if role == ALL else f', as {role}'}\n"
            f"  address     http://{_shown(host)}:{port}/\n"
            f"  data        {node.conf.data}\n"
            f"  node        {node.identity.identifier}\n"
            f"  dialect     {node.identity.network}\n"
            f"  chain       {checked}\n"
            f"  database    {database_in_words()}\n"
            f"  open to     {opened}\n"
            f"{greeting}"
            f"Ctrl-C stops it."
        )
        self.stdout.flush()
        self._serve(bound)

    def _say_waiting(self, missing: str) -> None:
        self.stdout.write(f"waiting: {missing}")
        self.stdout.flush()

    def _bind(self, host: str, port: int) -> socket.socket:
        """Take the port before anything else is done, so that a taken one is said at once."""
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            bound = socket.socket(family, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
        except (OSError, OverflowError) as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error}") from error
        bound.setblocking(False)
        return bound

    def _serve(self, listening: socket.socket) -> None:
        server_class = import_string(settings.NODE_SERVER)
        application = import_string(settings.ASGI_APPLICATION)
        server = server_class(
            application,
            endpoints=[f"fd:fileno={listening.fileno()}"],
            signal_handlers=False,
            application_close_timeout=1,
            verbosity=0,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: _stop_soon(server))
        server.run()
        lifecycle.stop()
        logging.shutdown()
        sys.stdout.flush()
        # A thread that still waits for a hostile peer must not keep the process: all is committed.
        os._exit(0)


def _stop_soon(server: Any) -> None:
    """Stop serving; but if something hangs, be gone within the 5 seconds all the same."""
    from twisted.internet import reactor

    last_resort = threading.Timer(4.5, os._exit, args=(1,))
    last_resort.daemon = True
    last_resort.start()
    reactor.callFromThread(server.stop)


def _shown(host: str) -> str:
    """As a URL has it that works on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
