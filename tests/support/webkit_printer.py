#!/usr/bin/python3
"""Prints a page to PDF in WebKitGTK: webkit_printer.py URL SESSION FILE WIDTH HEIGHT MARGIN (in millimetres).

WebDriver cannot print in WebKitGTK, so this opens a window of its own. It runs in Debian's Python, which has PyGObject.
"""

import os
import sys
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")  # containers, and root

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
gi.require_version("Soup", "3.0")
from gi.repository import Gtk, Soup, WebKit2  # noqa: E402

url, session, file, *measures = sys.argv[1:]
width, height, margin = (float(each) for each in measures)
failed: list[str] = []


def page_setup() -> Any:
    setup = Gtk.PageSetup()
    setup.set_paper_size(Gtk.PaperSize.new_custom("sheet", "sheet", width, height, Gtk.Unit.MM))
    for side in ("top", "bottom", "left", "right"):
        getattr(setup, f"set_{side}_margin")(margin, Gtk.Unit.MM)
    return setup


def loaded(view: Any, event: Any) -> None:
    if event != WebKit2.LoadEvent.FINISHED:
        return
    settings = Gtk.PrintSettings()
    settings.set(Gtk.PRINT_SETTINGS_OUTPUT_URI, f"file://{file}")
    settings.set(Gtk.PRINT_SETTINGS_OUTPUT_FILE_FORMAT, "pdf")
    settings.set_printer("Print to File")
    view.operation = WebKit2.PrintOperation.new(view)
    view.operation.set_print_settings(settings)
    view.operation.set_page_setup(page_setup())
    view.operation.connect("failed", lambda _operation, error: failed.append(error.message))
    view.operation.connect("finished", lambda _operation: Gtk.main_quit())
    view.operation.print_()


context = WebKit2.WebContext.new_ephemeral()
page = WebKit2.WebView(web_context=context)
window = Gtk.Window()
window.set_default_size(1024, 768)
window.add(page)
window.show_all()
page.connect("load-changed", loaded)
cookie = Soup.Cookie.new("session", session, urlsplit(url).hostname or "", "/", -1)
context.get_cookie_manager().add_cookie(cookie, None, lambda *_: page.load_uri(url))
Gtk.main()
sys.exit("; ".join(failed) or 0)
