"""The documents say what is there."""

import re
from pathlib import Path

import pytest

from providers.catalog import catalog, readme_tables, readme_with
from providers.registry import PROVIDERS
from tests.guards import GUARDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()


def test_the_readme_says_what_the_adapters_declare() -> None:
    """`manage.py providers_table --write` mends it."""
    assert readme_with(README, readme_tables(catalog(PROVIDERS))) == README


def test_every_proof_of_the_threat_model_is_a_test() -> None:
    proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", SECURITY)
    assert len(proofs) > 30
    for path, name in proofs:
        text = (ROOT / path).read_text()
        assert not name or f"def {name}(" in text, f"{path}::{name}"
    for guard in GUARDS:
        assert (ROOT / guard.file).read_text().count(guard.before) == 1, guard.name
        path, _, name = guard.proof.partition("::")
        assert f"def {name}" in (ROOT / path).read_text(), guard.name


@pytest.mark.parametrize("text", [README, CONTRIBUTING, SECURITY], ids=["README", "CONTRIBUTING", "SECURITY"])
def test_named_files_commands_and_targets_exist(text: str) -> None:
    for path in re.findall(r"`((?:providers|dashboard|tests|templates)/[\w/.]+\.(?:py|md|png))`", text):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for command in re.findall(r"manage\.py (\w+)", text):
        found = list(ROOT.glob(f"dashboard/*/management/commands/{command}.py"))
        assert found or command in ("migrate", "collectstatic"), command


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "dashboard" / "settings.py").read_text()):
        assert name in example, name


@pytest.mark.parametrize("name", re.findall(r"\]\((dashboard/[\w/.-]+)\)", README))
def test_pictures_are_there_and_small(name: str) -> None:
    assert 0 < (ROOT / name).stat().st_size < 300_000
