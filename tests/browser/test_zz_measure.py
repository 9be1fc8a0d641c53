import time
import pytest
from playwright.sync_api import expect
from tests.browser.watching import *
from tests.browser import watching
from tests.browser.conftest import *
def test_m(purser, page, watch, demo):
    t=time.monotonic()
    from tests.browser.parts import until
    until(lambda: purser.sql("select count(*) from sync_syncstream")[0][0]>20 and purser.sql("select count(*) from sync_syncstream where lease_until>now()")[0][0]==0, 120)
    print("settled", time.monotonic()-t)
    for slug in ("openrouter","openai","metachat"):
        t=time.monotonic()
        page.goto(f"/accounts/{purser.account_id(slug)}/")
        print(slug,"goto",time.monotonic()-t)
        print("dom", page.evaluate("document.querySelectorAll('*').length"), "html", len(page.content()))
        for size in (PHONE, WIDE):
            page.set_viewport_size(size)
            for scheme in ("dark","light"):
                page.emulate_media(color_scheme=scheme)
                for n,r in (("colours",watching._COLOURS),("all",watching._RULES)):
                    t=time.monotonic(); watching._axe(page,r); print(size["width"],scheme,n,round(time.monotonic()-t,2))
                t=time.monotonic()
                page.evaluate("(o)=>axe.run(document,{runOnly:o,rules:{'color-contrast':{enabled:false}},resultTypes:['violations']}).then(()=>0)", watching._RULES); print("  all but colours",round(time.monotonic()-t,2))
