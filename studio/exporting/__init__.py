"""What a model is taken away as, one form a file. The head of the family is `form.Form`; adding one is adding a file.

A form says of a model whether it can be written so, and writes it, part by part. When, and as which file, is for
`studio.exporting.packing`.
"""

from studio.exporting.form import Form
from studio.plugins import Family

FORMS: Family[Form] = Family(Form, __name__, "form")

__all__ = ["FORMS", "Form"]
