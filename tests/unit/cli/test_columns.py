"""How rows are printed: nothing of them is cut, however narrow the terminal."""

import pytest

from cli.columns import _lines, print_columns

TITLES = ("id", "name", "requests")
ROWS = [("34806d5f9b0340c58d88e567cce0cf51", "auth", "7"), ("9dac965870441156", "customers", "12345")]
TOLD = ("customers.get", "GetCustomer -> Customer; customer_not_found, version_mismatch")


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right() -> None:
    assert [
        "id                                name       requests",
        "34806d5f9b0340c58d88e567cce0cf51  auth              7",
        "9dac965870441156                  customers     12345",
    ] == list(_lines(TITLES, ROWS, {"requests"}, None))


def test_a_terminal_that_is_too_narrow_gets_whole_lines() -> None:
    assert list(_lines(TITLES, ROWS, (), None)) == list(_lines(TITLES, ROWS, (), 20))


def test_the_last_column_is_folded_where_there_is_room_for_it() -> None:
    assert [
        "subject        shapes",
        "customers.get  GetCustomer -> Customer;",
        "               customer_not_found,",
        "               version_mismatch",
    ] == list(_lines(("subject", "shapes"), [TOLD], (), 40))
    assert "  ".join(TOLD) == list(_lines(("subject", "shapes"), [TOLD], (), 80))[1]


def test_without_rows_there_are_the_titles() -> None:
    assert ["id  name  requests"] == list(_lines(TITLES, [], (), 80))


@pytest.mark.parametrize("odd", ["\x1b[2J", "\x9b2J", "\u202egnp", "\n forged", "\x7f", "\t"])
def test_no_cell_commands_a_terminal(odd: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(TITLES, [("1", f"a{odd}", "7"), ("2", "b", "8")])
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()
    title, first, second = said.splitlines()
    assert title.index("requests") == first.rindex("7") == second.rindex("8")
