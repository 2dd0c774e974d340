"""The five endpoints, with and without a trailing slash, and what nodes of our kind ask."""

from django.urls import re_path

from . import network, peer

urlpatterns = [
    re_path(r"^mine/?$", peer.mine, name="mine"),
    re_path(r"^transactions/new/?$", peer.new_transaction, name="new-transaction"),
    re_path(r"^chain/?$", peer.full_chain, name="chain"),
    re_path(r"^nodes/register/?$", peer.register_nodes, name="register-nodes"),
    re_path(r"^nodes/resolve/?$", peer.resolve, name="resolve"),
    re_path(r"^api/v1/node/?$", network.node, name="node"),
    re_path(r"^api/v1/network/probe/?$", network.probe, name="network-probe"),
    re_path(r"^api/v1/network/blocks/?$", network.blocks, name="network-blocks"),
    re_path(r"^api/v1/network/addresses/?$", network.known_addresses, name="network-addresses"),
    re_path(
        r"^api/v1/network/announcements/?$", network.announcements, name="network-announcements"
    ),
    re_path(r"^api/v1/network/transactions/?$", network.transactions, name="network-transactions"),
]
