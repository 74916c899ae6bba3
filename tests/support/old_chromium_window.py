"""A window of Qt WebEngine 5.15, which is Chromium 83 or 87; see old_chromium.py.

It runs in Debian's Python, which has PyQt5.
"""

import sys

from PyQt5.QtCore import QUrl
from PyQt5.QtWebEngineWidgets import QWebEnginePage, QWebEngineProfile, QWebEngineView
from PyQt5.QtWidgets import QApplication

application = QApplication(sys.argv)
view = QWebEngineView()
profile = QWebEngineProfile(view)  # without a name: it stores nothing
profile.setHttpAcceptLanguage("en-GB")
view.setPage(QWebEnginePage(profile, view))
view.setUrl(QUrl("about:blank"))
view.show()
sys.exit(application.exec_())
