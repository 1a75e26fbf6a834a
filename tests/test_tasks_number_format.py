"""How a sheet shows a number: the right texts are what Excel writes, in English, for the same value and format."""

import pytest

from studio.tasks.reading.number_format import show_general, show_number, show_plain_date, show_text

NUMBERS = [
    (7, "00000", "00007"),
    (0.25, "0%", "25%"),
    (0.29, "0%", "29%"),
    (0.125, "0.00%", "12.50%"),
    (3.5, "0.00", "3.50"),
    (2.675, "0.00", "2.68"),
    (1234567.891, "#,##0.00", "1,234,567.89"),
    (1234567, "#,##0", "1,234,567"),
    (999, "#,##0", "999"),
    (0, "#,##0", "0"),
    (0, "#", ""),
    (0.5, "#.00", ".50"),
    (12, "0.##", "12."),
    (12.3, "0.0#", "12.3"),
    (-3.5, "0.00", "-3.50"),
    (-0.001, "0.00", "0.00"),
    (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
    (-1234.5, "#,##0.00_);[Red](#,##0.00)", "(1,234.50)"),
    (1234.5, '"$"#,##0.00', "$1,234.50"),
    (1234.5, "[$$-409]#,##0.00", "$1,234.50"),
    (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
    (1234.5, '#,##0.00\\ "zł"', "1,234.50 zł"),
    (1234.5, '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)', "$ 1,234.50"),
    (0, '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)', "$ -"),
    (1234500, '0.0,,"M"', "1.2M"),
    (12345, '0,"k"', "12k"),
    (12345.678, "0.00E+00", "1.23E+04"),
    (0.00012, "0.00E+00", "1.20E-04"),
    (9.999, "0.0E+0", "1.0E+1"),
    (12345.678, "##0.0E+0", "12.3E+3"),
    (1.5, "# ?/?", "1 1/2"),
    (0.5, "# ?/?", "1/2"),
    (3, "# ?/?", "3"),
    (0.333333, "# ?/?", "1/3"),
    (1.5, "?/?", "3/2"),
    (0.75, "# ?/8", "6/8"),
    (3.14159, "# ??/??", "3 1/7"),
    (123456789, "000-00-0000", "123-45-6789"),
    (5551234, "[<=9999999]###-####;(###) ###-####", "555-1234"),
    (2065551234, "[<=9999999]###-####;(###) ###-####", "(206) 555-1234"),
    (5, '0 "kg"', "5 kg"),
    (5, "0 \\k\\g", "5 kg"),
    (1, '"yes";"no";"none"', "yes"),
    (0, '"yes";"no";"none"', "none"),
    (5, '0;-0;"zero"', "5"),
    (0, '0;-0;"zero"', "zero"),
    (5, "General", "5"),
    (5, 'General" pieces"', "5 pieces"),
    (5, ";;;", ""),
    (5, "[Red][>=3]0;[Blue]0.0", "5"),
    (1, "[Red][>=3]0;[Blue]0.0", "1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "shown"), NUMBERS)
def test_numbers(value: float, code: str, shown: str) -> None:
    assert show_number(value, code) == shown


DAY, MOMENT = 45352, 45352 + (13 * 3600 + 5 * 60 + 9) / 86400  # 1 March 2024, 13:05:09
DATES = [
    (DAY, "DD.MM.YYYY", "01.03.2024"),
    (DAY, "yyyy-mm-dd", "2024-03-01"),
    (DAY, "d/m/yy", "1/3/24"),
    (DAY, "d-mmm-yy", "1-Mar-24"),
    (DAY, "mmm-yy", "Mar-24"),
    (DAY, 'd" of "mmmm yyyy', "1 of March 2024"),
    (DAY, "dddd, d mmmm yyyy", "Friday, 1 March 2024"),
    (DAY, "[$-409]mmmm d, yyyy;@", "March 1, 2024"),
    (DAY, "[$-407]d. mmmm yyyy", None),
    (DAY, "[$-407]dd.mm.yyyy", "01.03.2024"),
    (DAY, "[$-F800]dddd, mmmm dd, yyyy", None),
    (DAY, 'yyyy"年"m"月"d"日"', "2024年3月1日"),
    (DAY, "[$-411]ggge", None),
    (MOMENT, "yyyy-mm-dd h:mm:ss", "2024-03-01 13:05:09"),
    (MOMENT, "h:mm AM/PM", "1:05 PM"),
    (MOMENT, "h:mm:ss a/p", "1:05:09 P"),
    (MOMENT, "mm:ss", "05:09"),
    (MOMENT, "mm/dd hh:mm", "03/01 13:05"),
    (0.75, "hh:mm", "18:00"),
    (0.5 / 86400, "mm:ss.0", "00:00.5"),
    (1.5, "[h]:mm:ss", "36:00:00"),
    (1.5, "[mm]:ss", "2160:00"),
    (0.25, "[hh]:mm", "06:00"),
    (1, "yyyy-mm-dd", "1900-01-01"),
    (61, "yyyy-mm-dd", "1900-03-01"),
    (-1, "yyyy-mm-dd", None),
    (10**9, "yyyy-mm-dd", None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "shown"), DATES)
def test_dates(value: float, code: str, shown: str | None) -> None:
    assert show_number(value, code) == shown


def test_the_calendar_of_1904_begins_later() -> None:
    assert show_number(DAY - 1462, "yyyy-mm-dd", from_1904=True) == "2024-03-01"
    assert show_plain_date(DAY - 1462, from_1904=True) == "2024-03-01"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(DAY, "2024-03-01"), (MOMENT, "2024-03-01 13:05:09"), (0.5, "12:00:00"), (-1, None)],
)  # fmt: skip
def test_a_plain_date_has_no_time_that_nobody_gave(value: float, shown: str | None) -> None:
    assert show_plain_date(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1 + 0.2, "0.3"), (4.0, "4"), (123456789012, "123456789012"), (1e-7, "1E-07"), (1e20, "1E+20"),
     (2.50, "2.5"), (-1.5, "-1.5")],
)  # fmt: skip
def test_a_number_without_a_format(value: float, shown: str) -> None:
    assert show_general(value) == shown


@pytest.mark.parametrize(
    ("code", "shown"), [("@", "a"), ("General", "a"), ('0;0;0;"Dr. "@', "Dr. a"), ("0.00", "a"), ('@" km"', "a km")]
)
def test_a_text_may_have_a_format_too(code: str, shown: str) -> None:
    assert show_text("a", code) == shown
