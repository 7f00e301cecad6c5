"""What a process said at its end, as its launcher tells it."""

from pathlib import Path

import pytest

from devstack.home.home import Home
from devstack.processes.program import Program, reason_in
from devstack.servers.mongo import _error


class Silent(Program):
    """A process that never was; its log is the test's."""

    async def spawn(self) -> None:
        """Start nothing."""

    async def serving(self) -> None:
        """Return at once."""


@pytest.mark.parametrize(
    "line", ["", "[]", "7", "null", "not json", "[" * 100_000, '{"why":7}', '{"error":["x"]}', '{"why":1e400}']
)
def test_a_line_that_gives_no_reason_gives_none(line: str) -> None:
    assert not reason_in(line)


@pytest.mark.parametrize("line", ["[]", "{}", "7", '{"s":"E"}', '{"s":7,"msg":"x"}', "not json", "[" * 100_000])
def test_what_mongod_would_not_write_is_shown_as_it_is(line: str) -> None:
    assert line == _error(line)


def test_of_mongods_log_errors_are_shown() -> None:
    assert 'broken {"a": 1}' == _error('{"s":"E","msg":"broken","attr":{"a":1}}')
    assert not _error('{"s":"I","msg":"fine"}')


@pytest.mark.parametrize("said", ["{odd}", '{{"why":"{odd}"}}'])
@pytest.mark.parametrize("odd", ["\x9b2J", "\u202egnp", "\x7f", "\\u001b[2J"])
def test_last_words_command_no_terminal(tmp_path: Path, said: str, odd: str) -> None:
    program = Silent("odd", Home(tmp_path, 0))
    program.child.log.parent.mkdir()
    program.child.log.write_text(said.format(odd=odd) + "\n")
    for told in (program.how_it_ended(1), program.last_words()):
        assert told.replace("\n", "").isprintable()
        assert "2J" in told or "u202e" in told or "u007f" in told
