"""What the console reads in stack.json."""

from console.sources.stack import StackFile


def test_of_several_processes_each_is_named_with_why_it_ended() -> None:
    ended = {"stock": "exit code 1", "customers-1": "was ended by SIGKILL", "customers-2": "exit code 3"}

    assert {
        "stock": "exit code 1",
        "customers": "customers-1 was ended by SIGKILL; customers-2 exit code 3",
    } == StackFile(ended=ended).ended_by_service
