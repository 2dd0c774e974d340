"""The article's node, in memory, on Flask's own server: what this project is measured against.

Written from the protocol (sections 1 to 3), with the loops and the answers the article has; its
prints are left out, for they would only make it slower. `--chain FILE` begins with a chain instead
of a genesis, which the article cannot.

    python -m bench.baseline_node --port 0
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from uuid import uuid4

import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server


class Blockchain:
    """The article's class of this name."""

    def __init__(self, chain: list[dict[str, Any]] | None = None) -> None:
        self.current_transactions: list[dict[str, Any]] = []
        self.chain: list[dict[str, Any]] = chain or []
        self.nodes: set[str] = set()
        if not self.chain:
            self.new_block(previous_hash=1, proof=100)

    def register_node(self, address: str) -> None:
        parsed_url = urlparse(address)
        self.nodes.add(parsed_url.netloc)

    def valid_chain(self, chain: list[dict[str, Any]]) -> bool:
        last_block = chain[0]
        current_index = 1
        while current_index < len(chain):
            block = chain[current_index]
            if block["previous_hash"] != self.hash(last_block):
                return False
            if not self.valid_proof(last_block["proof"], block["proof"]):
                return False
            last_block = block
            current_index += 1
        return True

    def resolve_conflicts(self) -> bool:
        neighbours = self.nodes
        new_chain = None
        max_length = len(self.chain)
        for node in neighbours:
            response = requests.get(f"http://{node}/chain")  # noqa: S113 (the article has none)
            if response.status_code == 200:
                length = response.json()["length"]
                chain = response.json()["chain"]
                if length > max_length and self.valid_chain(chain):
                    max_length = length
                    new_chain = chain
        if new_chain:
            self.chain = new_chain
            return True
        return False

    def new_block(self, proof: int, previous_hash: str | int | None = None) -> dict[str, Any]:
        block = {
            "index": len(self.chain) + 1,
            "timestamp": time.time(),
            "transactions": self.current_transactions,
            "proof": proof,
            "previous_hash": previous_hash or self.hash(self.chain[-1]),
        }
        self.current_transactions = []
        self.chain.append(block)
        return block

    def new_transaction(self, sender: Any, recipient: Any, amount: Any) -> int:
        self.current_transactions.append(
            {"sender": sender, "recipient": recipient, "amount": amount}
        )
        return int(self.last_block["index"]) + 1

    @property
    def last_block(self) -> dict[str, Any]:
        return self.chain[-1]

    @staticmethod
    def hash(block: dict[str, Any]) -> str:
        block_string = json.dumps(block, sort_keys=True).encode()
        return hashlib.sha256(block_string).hexdigest()

    def proof_of_work(self, last_proof: int) -> int:
        proof = 0
        while self.valid_proof(last_proof, proof) is False:
            proof += 1
        return proof

    @staticmethod
    def valid_proof(last_proof: int, proof: int) -> bool:
        guess = f"{last_proof}{proof}".encode()
        guess_hash = hashlib.sha256(guess).hexdigest()
        return guess_hash[:4] == "0000"


def application(blockchain: Blockchain) -> Flask:
    app = Flask(__name__)
    node_identifier = str(uuid4()).replace("-", "")

    @app.route("/mine", methods=["GET"])
    def mine() -> ResponseReturnValue:
        last_block = blockchain.last_block
        proof = blockchain.proof_of_work(last_block["proof"])
        blockchain.new_transaction(sender="0", recipient=node_identifier, amount=1)
        block = blockchain.new_block(proof, blockchain.hash(last_block))
        response = {
            "message": "New Block Forged",
            "index": block["index"],
            "transactions": block["transactions"],
            "proof": block["proof"],
            "previous_hash": block["previous_hash"],
        }
        return jsonify(response), 200

    @app.route("/transactions/new", methods=["POST"])
    def new_transaction() -> ResponseReturnValue:
        values = request.get_json()
        required = ["sender", "recipient", "amount"]
        if not all(k in values for k in required):
            return "Missing values", 400
        index = blockchain.new_transaction(values["sender"], values["recipient"], values["amount"])
        return jsonify({"message": f"Transaction will be added to Block {index}"}), 201

    @app.route("/chain", methods=["GET"])
    def full_chain() -> ResponseReturnValue:
        response = {"chain": blockchain.chain, "length": len(blockchain.chain)}
        return jsonify(response), 200

    @app.route("/nodes/register", methods=["POST"])
    def register_nodes() -> ResponseReturnValue:
        nodes = request.get_json().get("nodes")
        if nodes is None:
            return "Error: Please supply a valid list of nodes", 400
        for node in nodes:
            blockchain.register_node(node)
        response = {
            "message": "New nodes have been added",
            "total_nodes": list(blockchain.nodes),
        }
        return jsonify(response), 201

    @app.route("/nodes/resolve", methods=["GET"])
    def consensus() -> ResponseReturnValue:
        if blockchain.resolve_conflicts():
            response = {"message": "Our chain was replaced", "new_chain": blockchain.chain}
        else:
            response = {"message": "Our chain is authoritative", "chain": blockchain.chain}
        return jsonify(response), 200

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="The article's node.")
    parser.add_argument("--port", type=int, default=5000, help="0 takes a free one")
    parser.add_argument("--chain", type=Path, help="begin with the chain in this file")
    options = parser.parse_args()
    chain = json.loads(options.chain.read_text())["chain"] if options.chain else None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    # What `app.run` calls; so the port that was taken can be told.
    server = make_server("127.0.0.1", options.port, application(Blockchain(chain)), threaded=True)
    print(f"address http://127.0.0.1:{server.port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
