"""`manage.py admin_login`: the first account for the admin."""

from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.management.base import CommandError
from django_rich.management import RichCommand

from monolith.composition import composed
from monolith.embedded.passfile import generate_password, write_private
from monolith.profile import Profile
from monolith.project import project_data_directory
from monolith.serving.lifeline import follow
from monolith.serving.system import ADMIN_FILE

NAME = "admin"


class Command(RichCommand):
    help = (
        "Make the account `admin` with a random password, printed once and kept in the data directory for its owner "
        "alone. An account that is there stays as it is; --reset gives it a new password."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="give the account a new password")
        parser.add_argument("--lifeline", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lifeline"] is not None:
            follow(options["lifeline"])
        if composed().profile is not Profile.PRIVATE:
            raise CommandError("Accounts are the private tier's; run it with --settings=settings.private.")
        model: type[AbstractUser] = get_user_model()
        user = model.objects.filter(username=NAME).first()
        if user is not None and not options["reset"]:
            self.console.print(f"The account {NAME} is there already; --reset gives it a new password.")
            return
        password = generate_password()
        # First the file: a password that is set and known to nobody would help nobody.
        path = project_data_directory() / ADMIN_FILE
        write_private(path, f"{NAME}\n{password}\n")
        if user is None:
            model.objects.create_superuser(NAME, password=password)
        else:
            user.set_password(password)
            user.save(update_fields=["password"])
        self.console.print(f"user {NAME}, password {password}", highlight=False, soft_wrap=True)
        self.console.print(f"kept in {path}", highlight=False, soft_wrap=True)
