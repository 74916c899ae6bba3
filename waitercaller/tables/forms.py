"""The forms of tables."""

from flask_babel import lazy_gettext

from waitercaller.web.fields import MAX_TABLE_NAME_LENGTH
from waitercaller.web.forms import Form, text_field
from waitercaller.web.table_names import TableNamesForm


class AddTablesForm(TableNamesForm):
    """Add tables, all in one zone."""

    zone = text_field(lazy_gettext("Zone"), MAX_TABLE_NAME_LENGTH, required=False)


class EditTableForm(Form):
    """One table's name and zone."""

    name = text_field(lazy_gettext("Name"), MAX_TABLE_NAME_LENGTH)
    zone = text_field(lazy_gettext("Zone"), MAX_TABLE_NAME_LENGTH, required=False)
