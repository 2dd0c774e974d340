"""The pages of acts: one that confirms, one that shows what runs, and two downloads."""

from __future__ import annotations

import asyncio
import stat
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ledger.hidden import visible
from ledger.node import chain_text, lifecycle, mempool
from ledger.node.errors import NodeError
from ledger.queries import blocks

from . import running, showing
from .acts import ACTS, Act, ActForm, offer

_PATIENCE: Final = 1.5  # seconds that a page waits for an act, before it shows it under way
_PIECE: Final = 256 * 1024
_NODE_ACTS: Final = ("mine", "cancel-mining", "resolve", "verify", "backup")
_BACKUPS_SHOWN: Final = 50

View = Callable[..., HttpResponseBase]


def operators_only(view: View) -> View:
    """Let active superusers in, and nobody else."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not may_operate(request):
            raise PermissionDenied
        return view(request, *arguments, **named)

    return guarded


def may_operate(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


@operators_only
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Where the node stands, what can be done with it, what runs, and the backups."""
    context = {
        **admin.site.each_context(request),
        **_now(),
        "title": _("Operations"),
        "offers": [{"offer": offer(name), "what": ACTS[name].what(None)} for name in _NODE_ACTS],
    }
    return render(request, "admin/node/operations.html", context)


@operators_only
@require_safe
def now(request: HttpRequest) -> HttpResponse:
    """The part of that page that changes."""
    return render(request, "admin/node/_now.html", _now())


def _now() -> dict[str, Any]:
    node = lifecycle.current()
    mining = node.work.mining()
    acts = running.latest()
    return {
        "tip": blocks.tip_index(),
        "pool": mempool.pool_size()[0],
        "mining": mining,
        "acts": acts,
        "is_busy": mining.searching is not None or any(act.state == "running" for act in acts),
        "backups": backups(),
    }


@operators_only
def act(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponseBase:
    """Say what will happen, and on POST do it."""
    found = ACTS.get(name)
    if found is None or (found.model is None) != (pk is None):
        raise Http404
    row = get_object_or_404(found.model, pk=pk) if found.model else None
    if request.method != "POST":
        form = found.form(initial={**found.form.first(row), "key": uuid.uuid4().hex})
        return _confirm(request, found, row, form)
    form = found.form(request.POST)
    if not form.is_valid():
        return _confirm(request, found, row, form, status=422)
    work = partial(found.do, row, form.cleaned_data)
    named = f"{found.label}: {row}" if row else str(found.label)
    try:
        begun = running.begin(form.cleaned_data["key"], found.name, named, request.user, work, row)
    except NodeError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_back(found, row))
    begun.ended.wait(_PATIENCE)
    if begun.state == "running":
        return HttpResponseRedirect(reverse("admin:operations"))
    level = messages.SUCCESS if begun.state == "done" else messages.ERROR
    messages.add_message(request, level, showing.lines(begun.text))
    return HttpResponseRedirect(_back(found, row))


def _confirm(
    request: HttpRequest, act: Act, row: Model | None, form: ActForm, *, status: int = 200
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": act.label,
        "subtitle": visible(row) if row else None,
        "act": act,
        "row": row,
        "row_named": visible(row) if row else "",
        "opts": row._meta if row else None,
        "what": act.what(row),
        "form": form,
        "back": _back(act, row, done=False),
    }
    return render(request, "admin/node/act.html", context, status=status)


def _back(act: Act, row: Model | None, *, done: bool = True) -> str:
    """Where one goes on after an act."""
    if row is None:
        return reverse("admin:ledger_peer_changelist" if "peer" in act.name else "admin:operations")
    if act.ends_row and done and not type(row)._default_manager.filter(pk=row.pk).exists():
        return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_changelist")
    return showing.row_url(row)


@operators_only
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """The active chain as a file, streamed as of one moment."""
    pieces = chain_text.stream(lifecycle.current().reader)
    line = running.write_line(
        _("Download the chain"), request.user, _("Begun; how it ended is not known.")
    )
    return _download("chain.json", "application/json", _noted(line, pieces))


@dataclass(frozen=True, slots=True)
class Backup:
    name: str
    size: int
    made_at: datetime


def backups() -> list[Backup]:
    """The copies in the data folder, the newest first."""
    folder = _backup_folder()
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        about = path.lstat()
        if stat.S_ISREG(about.st_mode) and not path.name.startswith("."):
            made_at = datetime.fromtimestamp(about.st_mtime, UTC)
            found.append(Backup(path.name, about.st_size, made_at))
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)[:_BACKUPS_SHOWN]


def _backup_folder() -> Path:
    return lifecycle.current().conf.data / "backups"


@operators_only
@require_POST
def download_backup(request: HttpRequest, name: str) -> HttpResponseBase:
    """A copy of the database. It holds the hashes of passwords: for operators alone."""
    found = next((backup for backup in backups() if backup.name == name), None)
    if found is None:
        raise Http404
    line = running.write_line(
        _("Download the backup {name}").format(name=found.name),
        request.user,
        _("Begun; how it ended is not known."),
    )
    pieces = _file_pieces(_backup_folder() / found.name)
    response = _download(found.name, "application/vnd.sqlite3", _noted(line, pieces))
    response["Content-Length"] = str(found.size)
    return response


async def _file_pieces(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()


def _download(name: str, kind: str, pieces: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def _noted(line: int, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces; how many bytes went is in the history afterwards."""
    sent, words = 0, _("Failed: broken off after {n} bytes.")
    whole = _("Done: {n} bytes were sent.")
    try:
        async for piece in pieces:
            yield piece
            sent += len(piece)
        words = whole
    finally:
        # Not awaited: this also runs while the client's task is being cancelled.
        outcome = words.format(n=sent)
        thread = threading.Thread(target=running.amend_line_and_close, args=(line, outcome))
        thread.start()
