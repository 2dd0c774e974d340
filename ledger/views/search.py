"""To be written."""
from django.http import HttpRequest, HttpResponse


async def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=501)
