"""The pictures of the README: few, small enough to be kept in the repository."""

from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.parts import ROOT
from tests.tour.furniture import Furniture
from tests.tour.guide import PHONE, Guide
from tests.tour.places import PLACES

FOLDER = ROOT / "dashboard" / "assets" / "screenshots"
MOST_BYTES = 300_000
SIZE = {"width": 1280, "height": 860}


@dataclass(frozen=True)
class Picture:
    """`file` without its ending, and which page it shows how; `who` looks at it, where that is not the place's own."""

    file: str
    place: str
    theme: str = "light"
    language: str = "en"
    phone: bool = False
    who: str = ""


PICTURES = (
    Picture("overview", "overview"),
    Picture("account", "account-wallet"),
    Picture("connect", "connect"),
    Picture("providers", "providers"),
    Picture("overview-dark", "overview", theme="dark"),
    Picture("overview-zh-hant", "overview", language="zh-hant"),
    Picture("phone", "overview", phone=True),
    Picture("spend", "spend-by-team"),
    Picture("keys", "keys", who="owner"),
    Picture("routes", "routes"),
)


def readme_pictures(url: str, furniture: Furniture) -> list[str]:
    """Takes them; returns a line on each."""
    told = []
    places = {place.name: place for place in PLACES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS), headless=True)
        for one in (one for one in PICTURES if one.language in dict(settings.LANGUAGES)):
            context = browser.new_context(
                viewport=PHONE if one.phone else SIZE,
                device_scale_factor=2 if one.phone else 1,
                is_mobile=one.phone,
                color_scheme=one.theme,  # type: ignore[arg-type]
                reduced_motion="reduce",
                locale=one.language,
            )
            guide = Guide(context, url, furniture)
            place = places[one.place]
            guide.open(replace(place, who=one.who or place.who))
            path = FOLDER / f"{one.file}.png"
            guide.page.screenshot(path=path)
            context.close()
            told.append(f"{path.relative_to(ROOT)}: {size_words(path)}")
        browser.close()
    return told


def size_words(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1000:.0f} kB" + (" (too large)" if size > MOST_BYTES else "")
