"""How two workers share the tests: module by module; all that look at the demo go to one, which reads it in once."""

from xdist.scheduler import LoadScopeScheduling

FOLDER = "tests/browser/"
WITH_THE_DEMO = ("charts", "every_page", "first_steps", "people", "shell", "states", "tables")
_MODULES = tuple(f"{FOLDER}test_{name}.py::" for name in WITH_THE_DEMO)


class Sharing(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return f"{FOLDER}with the demo" if nodeid.startswith(_MODULES) else super()._split_scope(nodeid)
