"""The migrator serves nothing."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
