"""The article's five endpoints, with and without a trailing slash, and what our nodes ask."""

from django.urls import path, re_path

from . import network, peer

urlpatterns = [
    re_path(r"^mine/?$", peer.mine, name="mine"),
    re_path(r"^transactions/new/?$", peer.new_transaction, name="new-transaction"),
    re_path(r"^chain/?$", peer.full_chain, name="chain"),
    re_path(r"^nodes/register/?$", peer.register_nodes, name="register-nodes"),
    re_path(r"^nodes/resolve/?$", peer.resolve, name="resolve"),
    path("api/v1/network/transactions", network.transactions, name="network-transactions"),
]
