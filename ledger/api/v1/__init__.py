"""The versioned API, `/api/v1`: everything the pages show, for programs.

One module a resource, its shapes in `schemas`; `site` puts them together, `edge` is what every
answer passes through, `document` is the OpenAPI document they make.

What stays true of it: amounts, sums and proofs are decimal strings, since JavaScript cannot hold
them; lists are keyset pages, with the way on in the body and in `Link`; every refusal is a problem
(`ledger.api.problems`); no answer costs more on a longer chain, but an export, which is streamed.
"""
