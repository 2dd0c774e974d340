"""The pages: each a function that reads what it shows in one moment, and a template.

`page` is how every one of them answers: as HTML, or as the JSON it was made from (`?as=json`).
"""
