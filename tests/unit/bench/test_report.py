from bench.reporting.report import markdown
from bench.reporting.results import Claim, Results, Section, Table
from bench.reporting.rounds import Spread


def test_a_report_says_what_was_measured_what_holds_and_what_is_missing() -> None:
    claims = [
        Claim(what="cheaper", bound=0.4, measured=Spread(0.3, 0.2, 0.5)),
        Claim(what="start", bound=3.0, measured=Spread(3.5, 3.1, 4.0), unit=" s"),
    ]
    tables = [Table(columns=["a", "b"], rows=[["1", "2"]])]
    section = Section(name="part", title="A part", notes=["a note"], tables=tables, claims=claims)
    results = Results(
        form="short", begun="2026-01-02", machine={"Node.js": "none"}, missing={"nestjs": "no Node"}, sections=[section]
    )

    report = markdown(results)

    assert "- not measured: nestjs: no Node\n" in report
    assert "| cheaper | ≤ 0.4 | 0.300 (0.200-0.500) | yes |\n" in report
    assert "| start | ≤ 3 s | 3.500 (3.100-4.000) s | **no** |\n" in report
    assert "## A part\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- a note\n" in report
