"""The benchmark: the system and its peers on this machine, in alternating rounds. `python -m bench --help`."""
