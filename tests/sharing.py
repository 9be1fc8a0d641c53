"""How two workers share the tests: module by module. Those of the browser all go to one, which starts Purser and
reads the demo once."""

from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/"


class Sharing(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)
