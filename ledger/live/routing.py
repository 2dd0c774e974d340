"""Where a WebSocket path leads."""

from channels.security.websocket import WebsocketDenier
from django.urls import re_path

from .consumers import EventConsumer

websocket_urlpatterns = [
    re_path(r"^ws/?$", EventConsumer.as_asgi(), name="live"),
    re_path(r"", WebsocketDenier.as_asgi()),  # 403; without it, a traceback for each stranger
]
