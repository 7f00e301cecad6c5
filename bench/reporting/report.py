"""Results as Markdown: first the bounds, then each part with its tables."""

from collections.abc import Iterator, Sequence

from bench.reporting.results import Claim, Results, Section, Table


def markdown(results: Results) -> str:
    """The whole report."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield f"# Benchmark of {results.begun}, {results.form} form"
    yield ""
    yield from (f"- {what}: {value}" for what, value in results.machine.items())
    yield from (f"- not measured: {name}: {why}" for name, why in results.missing.items())
    yield ""
    yield "Figures are medians with their range over the rounds. `mesh / peer` is the paired ratio: ours by theirs,"
    yield "round by round."
    claims = [claim for section in results.sections for claim in section.claims]
    if claims:
        yield ""
        yield "## What must hold"
        yield ""
        yield from _table(_of_claims(claims))
    for section in results.sections:
        yield ""
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    for table in section.tables:
        yield ""
        yield from _table(table)
    if section.notes:
        yield ""
        yield from (f"- {note}" for note in section.notes)


def _of_claims(claims: Sequence[Claim]) -> Table:
    rows = [
        [
            claim.what,
            f"{'≥' if claim.at_least else '≤'} {claim.bound:g}{claim.unit}",
            f"{claim.measured}{claim.unit}",
            "yes" if claim.holds else "**no**",
        ]
        for claim in claims
    ]
    return Table(columns=["what", "bound", "measured", "holds"], rows=rows)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    yield from (f"| {' | '.join(row)} |" for row in table.rows)
