"""The address of the style page, for the root URLconf to take in while developing."""

from django.urls import path

from dashboard.overview.styleguide import views

style_urls = [path("styleguide/", views.styleguide, name="styleguide")]
