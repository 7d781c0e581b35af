"""The tables of tools, as Django knows them: tokens, decisions and the audit, in the platform's schema."""

from django.apps import AppConfig


class ToolsConfig(AppConfig):
    name = "monolith.tools"
    label = "monolith_tools"
    verbose_name = "Tools for agents"
