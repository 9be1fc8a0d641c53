"""`python -m tests.providers.regenerate [SLUG]`: rewrite the expected files from what the adapters give now.

Read the diff: it is the review of a change of an adapter.
"""

import json
import sys

from tests.providers.exchanges import cases


def main(slug: str | None) -> None:
    for case in cases():
        if slug in (None, case.provider.slug):
            told, _ = case.run()
            case.expected_path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
