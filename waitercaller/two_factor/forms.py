"""The form of the second factor: one field, for a code of the app or a recovery code."""

from flask_babel import lazy_gettext

from waitercaller.forms import Form, text_field

LONGEST = 60  # characters, with whatever stands between the groups


class CodeForm(Form):
    code = text_field(lazy_gettext("Code"), LONGEST)
