"""What keeps the house in order, read from the sources themselves."""

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dashboard.core.templatetags.purser import capability_icon, capability_word
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES, Endpoint, NotOffered

ROOT = Path(__file__).resolve().parent.parent
ADAPTERS, SIMULATOR = ROOT / "providers" / "adapters", ROOT / "providers" / "simulator"


@cache
def files_under(folder: str) -> list[Path]:
    """Our own files: what packages brought is not even looked through."""
    found: list[Path] = []
    for here, folders, names in os.walk(ROOT / folder):
        folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
        found += [Path(here, name) for name in names]
    return sorted(found)


def sources(*folders: str, endings: tuple[str, ...] = (".py",)) -> list[Path]:
    """Our own files under these folders."""
    found = [path for folder in folders for path in files_under(folder) if path.suffix in endings]
    assert found, f"no sources under {folders}"
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a Python file that is no docstring."""
    module = tree(path)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


# --- Providers are named in one place ---------------------------------------------------------------------------


def test_no_provider_is_named_outside_its_adapter_and_its_simulator() -> None:
    """A new provider is one adapter, one registry line, its payloads and its simulator."""
    slug = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, PROVIDERS))})(?![\w-])", re.IGNORECASE)
    found = [
        f"{relative(path)}:{line} {text!r}"
        for path in [ROOT / "manage.py", *sources("dashboard", "providers")]
        if not {ADAPTERS, SIMULATOR} & set(path.parents)
        for line, text in strings(path)
        if slug.search(text)
    ]
    found += [
        f"{relative(path)}:{number}"
        for path in sources("templates", "dashboard/assets", endings=(".html", ".js", ".mjs", ".css"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if slug.search(line)
    ]
    assert found == []


def test_the_adapters_folder_is_the_list_of_providers() -> None:
    modules = {path.stem for path in ADAPTERS.glob("*.py")} - {"__init__"}
    assert modules == {slug.replace("-", "_") for slug in PROVIDERS}
    parts = {path.stem for path in (SIMULATOR / "parts").glob("*.py")} - {"__init__"}
    assert parts == modules, "every provider has its simulator"
    assert {path.name for path in (ROOT / "tests" / "providers" / "payloads").iterdir()} == set(PROVIDERS)


def test_the_product_never_decides_by_the_simulator() -> None:
    """The demo brings its past from it, and `probe --all --simulator` asks it; nothing else knows that it exists."""
    users = {
        relative(path)
        for path in [*sources("dashboard"), *sources("providers")]
        if SIMULATOR not in path.parents
        for _, module in imports(path)
        if module.startswith("providers.simulator")
    }
    assert users == {"dashboard/overview/demo.py", "dashboard/sync/management/survey.py"}


# --- Doors to the outside ---------------------------------------------------------------------------------------


def test_http_leaves_through_one_module() -> None:
    clients = ("httpx", "httpcore", "requests", "aiohttp", "urllib3", "http.client", "urllib.request")
    users = {
        (relative(path), module.split(".")[0])
        for path in [ROOT / "manage.py", *sources("dashboard", "providers")]
        for _, module in imports(path)
        if module in clients or module.startswith(tuple(f"{name}." for name in clients))
    }
    assert users == {("providers/transport.py", "httpx"), ("providers/transport.py", "httpcore")}


# Why each of these may look at the environment although settings.py is where it is read.
ENVIRONMENT_READERS = {
    "manage.py": "names the settings module before there are settings",
    "dashboard/asgi.py": "names the settings module before there are settings",
    "dashboard/wsgi.py": "names the settings module before there are settings",
    "dashboard/celery.py": "names the settings module before there are settings",
    "dashboard/core/embedded.py": "starts servers with a clean environment of its own",
    "dashboard/core/management/commands/run.py": "hands its own environment on to the processes it starts",
    "dashboard/settings.py": "reads it",
}


def test_the_environment_is_read_in_settings_alone() -> None:
    readers = set()
    for path in [ROOT / "manage.py", *sources("dashboard", "providers")]:
        for node in ast.walk(tree(path)):
            named = isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv")
            brought = isinstance(node, ast.ImportFrom) and node.module == "os"
            library = isinstance(node, ast.Import) and any(name.name == "environ" for name in node.names)
            if named or library or (brought and {name.name for name in node.names} & {"environ", "getenv"}):  # type: ignore[union-attr]
                readers.add(relative(path))
    assert readers == set(ENVIRONMENT_READERS)


@pytest.mark.parametrize("name", ["manage.py", "dashboard/asgi.py", "dashboard/wsgi.py", "dashboard/celery.py"])
def test_entry_points_touch_the_environment_for_the_settings_module_only(name: str) -> None:
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "environ" in line]
    assert lines == ['os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")']


def test_no_rule_reads_the_clock() -> None:
    """`now` is an argument. The edges may look: views, tasks, commands, middleware, and what waits for real time."""
    edges = re.compile(
        r"dashboard/(core/|pipeline\.py|[a-z_/]+/(views|api|middleware|context|signals|adapters)\.py|[a-z]+/management/)"
        r"|providers/(transport\.py|simulator/)|dashboard/credentials/models\.py"
    )
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sources("dashboard", "providers")
        if not edges.match(relative(path)) and "/migrations/" not in relative(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "utcnow", "today", "time", "monotonic")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date", "timezone", "time")
    ]
    assert found == []


def test_money_is_never_a_float() -> None:
    """Runways in days are floats; amounts never are: no float column but days, no float() on the way of money."""
    floats = [
        f"{relative(path)}: {line.strip()}"
        for path in sources("dashboard")
        if path.name == "models.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if "FloatField" in line and "_days" not in line
    ]
    calls = [
        f"{relative(path)}:{node.lineno}"
        for path in [*sources("providers/adapters"), *sources("dashboard/usage"), ROOT / "providers" / "parse.py"]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    ]
    assert floats + calls == []


# --- Names and places -------------------------------------------------------------------------------------------


def test_no_module_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    everything = sources("dashboard", "providers", "tests")
    assert [relative(path) for path in everything if path.stem in vague or path.parent.name in vague] == []


def test_a_domain_holds_only_what_a_domain_holds() -> None:
    """Conventional modules, and at most a few named for a thing of that domain."""
    conventional = {
        "__init__", "apps", "models", "selectors", "services", "forms", "views", "urls", "api", "admin",
    }  # fmt: skip
    for models in sorted((ROOT / "dashboard").glob("*/models.py")):
        own = {path.stem for path in models.parent.glob("*.py")} - conventional
        assert len(own) <= 5, f"{models.parent.name}: {sorted(own)}"


def test_no_import_hides_in_a_function_to_dodge_a_cycle() -> None:
    # These wait until Django is set up, or look for a wheel that not every machine has.
    allowed = {
        "manage.py",
        "dashboard/core/embedded.py",
        "dashboard/core/management/commands/run.py",
        "dashboard/organizations/apps.py",
        "dashboard/usage/apps.py",
    }
    found = [
        f"{relative(path)}:{inner.lineno}"
        for path in [ROOT / "manage.py", *sources("dashboard", "providers")]
        if relative(path) not in allowed
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_nothing_is_swallowed() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sources("dashboard", "providers")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
        and all(isinstance(part, ast.Pass | ast.Continue) for part in node.body)
    ]
    assert found == []


def test_tests_are_never_skipped() -> None:
    words = ("skip", "xfail", "importorskip")
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in sources("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in (*words, "skipif")
    ]
    assert found == []


# --- Templates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sources("templates/components", endings=(".html",)), ids=lambda path: path.name)
def test_a_component_says_what_it_is_and_what_it_takes(path: Path) -> None:
    assert path.name.startswith("_")
    text = path.read_text(encoding="utf-8")
    header = re.match(r"(?:{% (?:extends|load) [^%]*%})*\s*{% comment %}\n(.+?)\n{% endcomment %}", text, re.DOTALL)
    assert header, "the header comment is missing"
    assert "Inputs:" in header[1], "its inputs are not named"


def test_templates_hold_no_inline_script_or_style() -> None:
    """The content security policy would refuse them, so that they would only seem to work in a test."""
    wrong = re.compile(r"<script(?![^>]*\b(src|nonce)=)|\son[a-z]+=\"|\sstyle=\"|javascript:")
    found = [
        f"{relative(path)}:{number}"
        for path in sources("templates", endings=(".html",))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []


def test_forms_of_templates_carry_their_token() -> None:
    found = []
    for path in sources("templates", endings=(".html",)):
        text = path.read_text(encoding="utf-8")
        found += [
            f"{relative(path)}:{text.count(chr(10), 0, form.start()) + 1}"
            for form in re.finditer(r"<form\b[^>]*method=\"post\"[^>]*>(.{0,60})", text, re.DOTALL)
            if "csrf_token" not in form[1]
        ]
    assert found == []


# --- Capabilities -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_every_capability_is_declared_or_declared_absent_with_words(slug: str) -> None:
    provider = PROVIDERS[slug]
    assert set(provider.capabilities) == set(CAPABILITIES)
    for name, endpoint in provider.capabilities.items():
        assert isinstance(endpoint, Endpoint | NotOffered)
        if isinstance(endpoint, NotOffered):
            assert endpoint.reason.endswith("."), f"{name}: why it is not there"
            assert endpoint.fallback, f"{name}: what there is instead"
        else:
            assert endpoint.source, f"{name}: where the facts come from"


def test_every_capability_has_a_word_and_an_icon_for_pages() -> None:
    assert [name for name in CAPABILITIES if capability_word(name) == name] == []
    assert {name for name in CAPABILITIES if not capability_icon(name)} == set()
