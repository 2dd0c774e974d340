"""The server crashes under load, again and again: the node goes on by itself and keeps its word."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import requests

from tests import databases
from tests.postgresql_server import Server
from tests.processes import NodeProcess

CRASHES = 3
WRITERS = 8
PAGES = ("/chain", "/", "/pool", "/api/v1/node", "/blocks?as=json")


class Load:
    """Clients of every kind, until `over`. What they were told is kept."""

    def __init__(self, node: NodeProcess) -> None:
        self.node = node
        self.statuses: Counter[int] = Counter()
        self.acknowledged: list[str] = []
        self.mined: list[int] = []
        self.strange: list[str] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        works: list[Callable[[requests.Session, int], None]] = [self._write] * WRITERS
        works += [self._mine, self._read]
        self._threads = [
            threading.Thread(target=self._run, args=(work, n)) for n, work in enumerate(works)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[requests.Session, int], None], number: int) -> None:
        with requests.Session() as session:
            while not self._over.is_set():
                try:
                    work(session, number)
                except requests.RequestException as error:
                    path = error.request.path_url if error.request else ""
                    # A chain that was being sent breaks off.
                    if path != "/chain" or isinstance(error, requests.Timeout):
                        self.strange.append(f"{path} {error!r}")
                time.sleep(0.02)

    def _note(self, answer: requests.Response) -> requests.Response:
        with self._lock:
            self.statuses[answer.status_code] += 1
        if answer.status_code == 503 and "Retry-After" not in answer.headers:
            self.strange.append(f"503 without Retry-After: {answer.text}")
        if answer.status_code >= 500 and answer.status_code != 503:
            self.strange.append(f"{answer.status_code} {answer.request.path_url}")
        return answer

    def _write(self, session: requests.Session, number: int) -> None:
        value = {"sender": f"w{number}", "recipient": "r", "amount": 1}
        url = f"{self.node.url}/transactions/new"
        answer = self._note(session.post(url, json=value, timeout=30))
        if answer.status_code == 201:
            with self._lock:
                self.acknowledged.append(answer.json()["id"])

    def _mine(self, session: requests.Session, number: int) -> None:
        answer = self._note(session.get(f"{self.node.url}/mine", timeout=30))
        if answer.status_code == 200:
            with self._lock:
                self.mined.append(answer.json()["index"])

    def _read(self, session: requests.Session, number: int) -> None:
        for page in PAGES:
            headers = {"Accept": "text/html"} if page in ("/", "/pool") else {}
            self._note(session.get(self.node.url + page, headers=headers, timeout=30))


def test_nothing_acknowledged_is_lost_and_nobody_is_told_500(
    server: Server, node_process: Callable[..., NodeProcess]
) -> None:
    node = node_process(dialect="seed", difficulty=3)
    before = server.crashes()
    load = Load(node)
    for _ in range(CRASHES):
        time.sleep(0.8)
        server.stop("immediate")
        assert node.get("/mine").status_code == 503
        assert node.get("/", headers={"Accept": "text/html"}).status_code == 503
        time.sleep(0.3)
        server.start()
        served_again_within(node, 5)
    time.sleep(0.5)
    load.end()
    assert server.crashes() == before + CRASHES, "the server did not crash"
    assert node.process.returncode is None, node.text
    assert load.strange == []
    assert load.statuses[503] > 0, "nobody noticed"
    print(f"{dict(load.statuses)}, {len(load.acknowledged)} acknowledged, {len(load.mined)} mined")

    path = node.data / "chain.sqlite3"
    stored = {str(uid) for (uid,) in databases.rows(path, "SELECT uid FROM ledger_transaction")}
    assert len(load.acknowledged) > 20
    assert set(load.acknowledged) <= stored, "acknowledged, and not there"
    height = node.get("/chain").json()["length"]
    assert len(load.mined) == len(set(load.mined)) <= height - 1
    assert max(load.mined) <= height
    checked = node.manage("verifychain")
    assert checked.returncode == 0, checked.stdout


def served_again_within(node: NodeProcess, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    value = {"sender": "after", "recipient": "r", "amount": 1}
    while node.post("/transactions/new", value).status_code != 201:
        assert time.monotonic() < deadline, "the node did not go on"
        time.sleep(0.05)
