"""`make screenshots [PAGE=...] [LANG=...]`: every page, narrow and wide, light and dark, in every language, from the
demo into var/screenshots/<language>/<page>-<width>-<theme>.png. `make readme-pictures` takes those of the README.

Each process has a browser of its own and takes a share of the pages; a page is loaded once per language and size, and
then pictured in both themes.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from itertools import product

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from django.conf import settings
from playwright.sync_api import Error, sync_playwright

from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.parts import ROOT
from tests.screenshots.readme import readme_pictures
from tests.tour.demo import demo
from tests.tour.furniture import Furniture
from tests.tour.guide import PHONE, WIDE, Guide, in_order_of_people
from tests.tour.places import PHONE_ONLY, PLACES, WIDE_ONLY, Place

OUT = ROOT / "var" / "screenshots"
SIZES = {PHONE_ONLY: PHONE, WIDE_ONLY: WIDE}
THEMES = ("light", "dark")
MOST_PROCESSES = 6


def take(url: str, furniture: Furniture, language: str, names: Sequence[str]) -> list[str]:
    """The pictures of these pages in one language; returns what went wrong."""
    wrong: list[str] = []
    places = in_order_of_people(place for place in PLACES if place.name in names)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS), headless=True)
        for scheme in (PHONE_ONLY, WIDE_ONLY):
            context = browser.new_context(
                viewport=SIZES[scheme],  # type: ignore[arg-type]
                is_mobile=scheme == PHONE_ONLY,  # whose scroll bars take no room
                reduced_motion="reduce",
                locale=language,
            )
            guide = Guide(context, url, furniture)
            for place in places:
                if place.only in ("", scheme):
                    wrong += picture(guide, place, language, SIZES[scheme])
            context.close()
        browser.close()
    return wrong


def picture(guide: Guide, place: Place, language: str, size: dict[str, int]) -> list[str]:
    try:
        answer = guide.open(place)
        guide.unroll()
        for theme in THEMES:
            guide.look(theme=theme)
            path = OUT / language / f"{place.name}-{size['width']}-{theme}.png"
            guide.page.screenshot(path=path, full_page=True)
    except (Error, AssertionError) as error:
        return [f"{place.name}, {language}, {size['width']} px: {error}"]
    if answer is not None and answer.status != place.status:
        return [f"{place.name}: answered {answer.status}, not {place.status}"]
    return []


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("--page", default="*", help="a name, or a pattern such as account-*")
    parser.add_argument("--language", default="", help="one of the languages alone")
    parser.add_argument("--readme", action="store_true", help="the pictures of the README, into dashboard/assets")
    told = parser.parse_args(arguments)
    names = [place.name for place in PLACES if fnmatch(place.name, told.page)]
    languages = [code for code, _ in settings.LANGUAGES if told.language in ("", code)]
    if not names or not languages:
        sys.exit(f"Pages: {', '.join(one.name for one in PLACES)}\nLanguages: {', '.join(dict(settings.LANGUAGES))}")
    began = time.monotonic()
    with demo("screenshots") as (url, furniture):
        ready = time.monotonic()
        print(f"The demo stands after {ready - began:.0f} s.", flush=True)
        if told.readme:
            print("\n".join(readme_pictures(url, furniture)))
            return 0
        number = min(os.cpu_count() or 1, MOST_PROCESSES, len(names))
        wrong: list[str] = []
        with ProcessPoolExecutor(number) as pool:
            jobs = [
                pool.submit(take, url, furniture, language, share)
                for language, share in product(languages, (names[start::number] for start in range(number)))
            ]
            for job in jobs:
                wrong += job.result()
    pictures = sum(1 for code in languages for _ in (OUT / code).glob("*.png"))
    print("\n".join(wrong))
    print(f"{pictures} pictures in {OUT.relative_to(ROOT)}, {time.monotonic() - ready:.0f} s.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
