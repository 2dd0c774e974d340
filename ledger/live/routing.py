"""Where a WebSocket path leads."""

from django.urls import re_path

from .consumers import EventConsumer

websocket_urlpatterns = [re_path(r"^ws/?$", EventConsumer.as_asgi())]
