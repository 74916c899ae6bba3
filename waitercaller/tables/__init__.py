"""Tables: their names and zones, the codes that guests scan, and the cards to print."""

from waitercaller.tables.views import blueprint

__all__ = ["blueprint"]
