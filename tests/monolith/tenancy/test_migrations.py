"""Tenant tables in a project of their own: made by migrations, held for their owner too."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.generated_project import GeneratedProject

MODEL = """

from monolith.tenancy.fields import TenantField

class Hut(models.Model):
    tenant_id = TenantField()
    name = models.TextField()
    class Meta:
        app_label = "alpha"
        constraints = [models.UniqueConstraint(fields=["tenant_id", "name"], name="alpha_hut_name")]

class Bed(models.Model):
    tenant_id = TenantField()
    hut = models.ForeignKey(Hut, on_delete=models.CASCADE, db_index=False)
    class Meta:
        app_label = "alpha"
        indexes = [models.Index(fields=["tenant_id", "hut"], name="alpha_bed_hut")]
"""
ISOLATED = """
from django.db import migrations
from monolith.contracts import acting
from monolith.tenancy.data_migrations import all_tenants
from monolith.tenancy.operations import IsolateTenants, SameTenant

def of_one(apps, schema_editor):
    with acting(tenant="a"):
        apps.get_model("alpha", "Hut").objects.create(name="first")

def of_all(apps, schema_editor):
    Hut, Bed = apps.get_model("alpha", "Hut"), apps.get_model("alpha", "Bed")
    assert Hut.objects.count() == 0, "the owner is held"
    with all_tenants(schema_editor, "alpha_hut", "alpha_bed"):
        hut = Hut.objects.create(tenant_id="b", name="second")
        Bed.objects.create(tenant_id="b", hut=hut)
        Hut.objects.update(name="renamed")
    assert Hut.objects.count() == 0, "the owner is held again"

class Migration(migrations.Migration):
    dependencies = [("alpha", "0003_huts")]
    operations = [
        IsolateTenants("alpha_hut", "alpha_bed"),
        SameTenant("alpha_bed", "hut_id", "alpha_hut"),
        migrations.RunPython(of_one),
        migrations.RunPython(of_all),
    ]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedProject]:
    made = GeneratedProject(tmp_path_factory.mktemp("project"), ("alpha", "beta")).write()
    declared = "tenant_tables=('alpha_hut', 'alpha_bed') if name == 'alpha' else ()"
    for settings in made.path.glob("settings/[pm]*.py"):
        settings.write_text(settings.read_text().replace("tier=Tier.BOTH,", f"tier=Tier.BOTH, {declared},"))
    models = made.path / "modules" / "alpha" / "models.py"
    models.write_text(models.read_text() + MODEL)
    try:
        for command in (("provision",), ("makemigrations", "alpha", "--name", "huts")):
            code, output = made.manage(*command)
            assert code == 0, output
        (made.path / "modules/alpha/migrations/0004_isolated.py").write_text(ISOLATED)
        code, output = made.manage("migrate_schemas")
        assert code == 0, output
        yield made
    finally:
        made.stop()


def test_migrations_make_tenant_tables_and_are_held_by_them(project: GeneratedProject) -> None:
    with project.admin() as connection:
        rows = connection.execute("SELECT tenant_id, name FROM alpha.alpha_hut ORDER BY 1").fetchall()
    assert rows == [("a", "renamed"), ("b", "renamed")]
    assert project.manage("audit")[0] == 0
    assert project.manage("makemigrations", "alpha", "--check", "--dry-run")[0] == 0


def test_owner_sees_no_tenants_rows_and_deletes_none(project: GeneratedProject) -> None:
    with project.admin() as connection:
        connection.execute("SET ROLE alpha_owner")
        assert connection.execute("SELECT count(*) FROM alpha.alpha_hut").fetchone() == (0,)
        assert connection.execute("DELETE FROM alpha.alpha_hut").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("INSERT INTO alpha.alpha_hut (tenant_id, name) VALUES ('a', 'planted')")


def test_data_migration_without_a_transaction_is_refused(project: GeneratedProject) -> None:
    broken = ISOLATED.replace(
        "class Migration(migrations.Migration):", "class Migration(migrations.Migration):\n    atomic = False"
    )
    broken = broken.replace("0003_huts", "0004_isolated").replace(
        """        IsolateTenants("alpha_hut", "alpha_bed"),
        SameTenant("alpha_bed", "hut_id", "alpha_hut"),
        migrations.RunPython(of_one),
        migrations.RunPython(of_all),
""",
        "        migrations.RunPython(of_all, atomic=False),\n",
    )
    file = project.path / "modules/alpha/migrations/0005_broken.py"
    file.write_text(broken)
    try:
        code, output = project.manage("migrate_schemas", "--module", "alpha")
        assert code == 1
        assert "all_tenants(alpha_hut, alpha_bed) needs a transaction" in output
    finally:
        file.unlink()
