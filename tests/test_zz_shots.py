import os
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
from datetime import timedelta
from pathlib import Path
import pytest
from django.utils.timezone import now
from django.urls import reverse
from playwright.sync_api import sync_playwright
from accounts_review.models import Case, Workspace
from accounts_review.workflow import letters
from tests.web.records_kit import Site
from tests.conftest import *

def test_shots(live_server, client, workspace, person, settings):
    settings.EMAIL_CONTACT = "data@ville.example"
    settings.SECURE_SSL_REDIRECT=False
    workspace.host="data.ville.example"; workspace.save()
    site = Site(client, workspace, person)
    site.adopt(notice=30); site.go_live(); site.launched("ana.idle")
    site.put("ana.idle", "noticed", noticed_at=now(), promised_at=now()+timedelta(days=30))
    def case(): return Case.objects.select_related("account","cleanup__workspace").get()
    url = live_server.url + reverse("answer", kwargs={"token": letters.token_of(case())})
    for lang in ("en","fr"):
        Workspace.objects.update(language=lang)
        for kind in letters.KINDS:
            m = letters.sample(Workspace.objects.get(), kind, to="x@y.example", now=now())
            Path(f"/tmp/shots/{kind}-{lang}.html").write_text(m.alternatives[0][0])
            Path(f"/tmp/shots/{kind}-{lang}.txt").write_text(f"{m.subject}\n\n{m.body}")
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path="/usr/bin/chromium")
        for width in (1440, 390):
            for scheme in ("light","dark"):
                Workspace.objects.update(language="en")
                ctx = b.new_context(viewport={"width":width,"height":900}, color_scheme=scheme)
                page = ctx.new_page()
                errors=[]; page.on("console", lambda m: errors.append(m.text) if m.type=="error" else None)
                page.goto(url); page.screenshot(path=f"/tmp/shots/answer-{width}-{scheme}.png", full_page=True)
                page.locator("form:has(#away) button").click()
                page.screenshot(path=f"/tmp/shots/answer-error-{width}-{scheme}.png", full_page=True)
                page.goto(live_server.url+"/answer/zzz/"); page.screenshot(path=f"/tmp/shots/broken-{width}-{scheme}.png")
                page.goto(f"file:///tmp/shots/notice-en.html"); page.screenshot(path=f"/tmp/shots/mail-{width}-{scheme}.png", full_page=True)
                print(width, scheme, errors)
                # overflow
                page.goto(url)
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                ctx.close()
        ctx=b.new_context(viewport={"width":1440,"height":900}, java_script_enabled=False)
        page=ctx.new_page(); page.goto(url); page.fill("textarea","needed"); page.locator("form:has(#keep) button").click()
        page.screenshot(path="/tmp/shots/kept.png")
        assert "You keep your access" in page.content()
        from django.test import Client
        c=Client(); c.force_login(person("administrator"))
        ctx=b.new_context(viewport={"width":1440,"height":900}); ctx.add_cookies([{"name":"sessionid","value":c.cookies["sessionid"].value,"url":live_server.url}])
        page=ctx.new_page(); page.goto(live_server.url+"/w/main/policy/letters/"); page.screenshot(path="/tmp/shots/letters.png", full_page=True)
        from axe_playwright_python.sync_playwright import Axe
        print(Axe().run(page).generate_report()[:1500])
        site.put("ana.idle","noticed")
        page.goto(url); print(Axe().run(page).generate_report()[:1500])
        page.goto("file:///tmp/shots/notice-en.html"); print(Axe().run(page).generate_report()[:1500])
