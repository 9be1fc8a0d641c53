"""The application for a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from dashboard.core.memory import settle_memory_of_pages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

application = get_wsgi_application()
settle_memory_of_pages()
