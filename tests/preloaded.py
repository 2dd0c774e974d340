"""The libraries a node loads, loaded once: the process that `tests.processes` forks has this.

Nothing here reads our settings, opens a file or starts a thread, so what is forked from it is a
process as fresh as any, that only finds these modules loaded already. Of our own code there is
only what chooses the SQLite library, which has to come first; each node imports the rest itself.
"""

# ruff: noqa: E402, F401
import gc
import os

from chainsite import sqlite_library

sqlite_library.choose()

import tomllib
import unittest

import autobahn.twisted.websocket
import channels.generic.websocket
import channels.routing
import channels.security.websocket
import csp.middleware
import django.contrib.admin
import django.contrib.auth.hashers
import django.contrib.messages.storage.session
import django.contrib.sessions.backends.db
import django.core.cache.backends.locmem
import django.core.handlers.asgi
import django.core.management
import django.core.management.commands.makemigrations
import django.core.management.commands.migrate
import django.core.servers.basehttp
import django.db.backends.sqlite3.base
import django.forms
import django.middleware.http
import django.template.backends.django
import django.test
import django.utils.feedgenerator
import django.views.csrf
import OpenSSL
import prometheus_client.core
import pydantic.dataclasses
import pydantic.main
import pydantic.networks
import pydantic.type_adapter
import pysqlite3
import requests
import rfc8785
import rich.progress
import segno
import servestatic.middleware
import twisted.internet.asyncioreactor
import twisted.internet.endpoints
import twisted.trial.itrial
import twisted.web.http

if os.environ.get("CHAINSITE_TEST_SERVER"):  # see `tests.databases`
    import django.db.backends.postgresql.base

gc.collect()
gc.freeze()  # no collection in a child copies the pages that it shares
