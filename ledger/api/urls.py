"""The article's five endpoints, with and without a trailing slash."""

from django.urls import re_path

from . import peer

urlpatterns = [
    re_path(r"^mine/?$", peer.mine, name="mine"),
    re_path(r"^transactions/new/?$", peer.new_transaction, name="new-transaction"),
    re_path(r"^chain/?$", peer.full_chain, name="chain"),
    re_path(r"^nodes/register/?$", peer.register_nodes, name="register-nodes"),
    re_path(r"^nodes/resolve/?$", peer.resolve, name="resolve"),
]
