"""Mining for this node from outside, whole: take a template, search, submit."""

from __future__ import annotations

from typing import Final

from .snippets import Tab
from .snippets import tabs as tabs_of_request

_PYTHON: Final = """import hashlib
import itertools

import requests

node = "{host}/api/v1"
template = requests.get(node + "/mining/template?recipient=alice").json()
puzzle = template["puzzle"]
for proof in itertools.count():
    text = puzzle["before"] + str(proof) + puzzle["after"]
    if hashlib.sha256(text.encode()).hexdigest().startswith("0" * puzzle["zeros"]):
        break
found = {{"template": template["template"], "proof": proof}}
print(requests.post(node + "/mining/blocks", json=found).json())"""

_JAVASCRIPT: Final = """const node = "{host}/api/v1";
const template = await (await fetch(node + "/mining/template?recipient=alice")).json();
const {{ before, after, zeros }} = template.puzzle;
async function isProof(proof) {{
  const text = new TextEncoder().encode(before + proof + after);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.startsWith("0".repeat(zeros));
}}
let proof = 0;
while (!(await isProof(proof))) proof += 1;
const answer = await fetch(node + "/mining/blocks", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({{ template: template.template, proof }}),
}});
console.log(await answer.json());"""

_TOLD: Final = {"template": "NAME", "proof": 35293}


def tabs(host: str) -> list[Tab]:
    """curl shows the request alone, and is told that there is no such template."""
    request = tabs_of_request("POST", f"{host}/api/v1/mining/blocks", _TOLD)
    programs = {"Python": _PYTHON, "JavaScript": _JAVASCRIPT}
    return [
        {**tab, "text": programs[tab["name"]].format(host=host)} if tab["name"] in programs else tab
        for tab in request
    ]
