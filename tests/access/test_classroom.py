"""A class of forty on one node: what `dev.py run --classroom` serves, over a real network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
import requests
import websockets
from django.conf import settings

from tests.processes import NodeProcess

PUPILS = 40
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0", "Accept": "text/html"}


@pytest.mark.long
def test_forty_browsers_read_send_and_hear_and_one_of_them_mines(
    node_process: Callable[..., NodeProcess],
) -> None:
    address = next((one for one in settings.OWN_ADDRESSES if ":" not in one), None)
    if address is None:
        pytest.skip("this machine is in no network")
    node = node_process(
        difficulty=2, host="0.0.0.0", environment={"CHAINSITE_CLASSROOM": f"lan,{address}/32"}
    )
    url = f"http://{address}:{node.port}"
    assert f"{url}/" in node.text, "the address to write on the board"
    assert "the classroom (the local network" in node.text
    assert "read, send, register, announce, mine, resolve" in node.text
    asyncio.run(_lesson(node, url))


async def _lesson(node: NodeProcess, url: str) -> None:
    def look(_pupil: int) -> str:
        return requests.get(url, headers=BROWSER, timeout=30).text

    pages = await asyncio.gather(*(asyncio.to_thread(look, pupil) for pupil in range(PUPILS)))
    assert all('data-form="mine"' in page for page in pages), "buttons, not excuses"
    assert not any('data-form="cancel"' in page for page in pages)
    sockets = await asyncio.gather(
        *(
            websockets.connect(f"{url.replace('http', 'ws')}/ws/", origin=url)
            for _pupil in range(PUPILS)
        )
    )
    firsts = await asyncio.gather(*(socket.recv() for socket in sockets))
    assert {json.loads(first)["kind"] for first in firsts} == {"snapshot"}
    block = await asyncio.to_thread(requests.get, f"{url}/mine", timeout=30)
    assert block.json()["index"] == 2
    heard = await asyncio.gather(*(_hears_block(socket) for socket in sockets))
    assert heard == [2] * PUPILS
    await asyncio.gather(*(socket.close() for socket in sockets))


async def _hears_block(socket: websockets.ClientConnection) -> int:
    async with asyncio.timeout(30):
        async for text in socket:
            frame = json.loads(text)
            if frame["kind"] == "block":
                return int(frame["data"]["index"])
    raise AssertionError("the socket was closed")
