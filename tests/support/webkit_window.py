"""A window of WebKitGTK and nothing around it, which WebKitWebDriver starts as its browser; see webkit.py.

Unlike Debian's MiniBrowser it can be as narrow as a phone, have no JavaScript, run a script before those of the page,
and write the console's messages on stderr. It runs in Debian's Python, which has PyGObject.
"""

import argparse
import sys
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gtk, WebKit2  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int)
parser.add_argument("--height", type=int)
parser.add_argument("--folder", help="for cookies and caches")
parser.add_argument("--language")
parser.add_argument("--script", help="to run before those of the page")
parser.add_argument("--has-scripts", choices=["True", "False"], help="whether the page's own run")
options = parser.parse_args()


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def made_context() -> Any:
    # Not an ephemeral one: that writes no messages of the console.
    manager = WebKit2.WebsiteDataManager(base_data_directory=options.folder, base_cache_directory=options.folder)
    context = WebKit2.WebContext(website_data_manager=manager)
    context.set_automation_allowed(True)
    context.set_preferred_languages([options.language])
    context.connect("automation-started", started)
    return context


def started(_context: Any, session: Any) -> None:
    info = WebKit2.ApplicationInfo()
    info.set_name("MiniBrowser")  # which Selenium asks for
    session.set_application_info(info)
    session.connect("create-web-view", made_view)


def made_view(_session: Any) -> Any:
    settings = WebKit2.Settings()
    settings.set_enable_javascript(options.has_scripts == "True")
    settings.set_enable_write_console_messages_to_stdout(True)
    content = WebKit2.UserContentManager()
    frames, when = WebKit2.UserContentInjectedFrames.ALL_FRAMES, WebKit2.UserScriptInjectionTime.START
    content.add_script(WebKit2.UserScript(options.script, frames, when, None, None))
    view = WebKit2.WebView(
        web_context=context,
        settings=settings,
        user_content_manager=content,
        is_controlled_by_automation=True,
        website_policies=WebKit2.WebsitePolicies(autoplay=WebKit2.AutoplayPolicy.DENY),  # as an iPhone
    )
    view.connect("web-process-terminated", lambda _view, why: tell(f"ENDED {why}"))
    window = Gtk.Window()
    window.set_default_size(options.width, options.height)
    window.add(view)
    window.show_all()
    view.grab_focus()
    return view


context = made_context()
Gtk.main()
