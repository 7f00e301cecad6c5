"""The SQL of searching and counting, for the repository alone."""

from typing import Final

from providers.postgres.folding import fold, pattern

SEARCH_INDEX: Final = "customers_by_trigram"
"""The index of `search`, where the server has pg_trgm (migrations/0005_trigrams.sql)."""

RELEVANCE: Final = """
    CASE
        WHEN lower(customer_id) = {} THEN '0'
        WHEN company_name_folded = {} THEN '1'
        WHEN company_name_folded LIKE {} THEN '2'
        WHEN company_name_folded LIKE {} THEN '3'
        WHEN ' ' || contact_name_folded LIKE {} THEN '4'
        ELSE '5'
    END COLLATE "C"
"""
"""How well a customer fits a search, from 0 to 5. Its parameters are those of `relevance_of`.

A text, as all that cursors of customers hold (reference/wire.md).
"""


def relevance_of(q: str | None) -> tuple[str, str, str, str, str]:
    """The parameters of RELEVANCE: the whole, twice; its beginning; the beginning of a word, twice.

    Without a text every customer fits alike.
    """
    if q is None:
        return ("\n",) * 5
    folded, anywhere = fold(q), pattern(q)
    begins = anywhere.removeprefix("%")
    return folded, folded, begins, f"% {begins}", f"% {begins}"


FACETS: Final = """
    WITH matching AS ({}), counted AS (
        SELECT CASE grouping(country, city, contact_title)
                WHEN 3 THEN 'country' WHEN 5 THEN 'city' WHEN 6 THEN 'contact_title' ELSE 'total'
            END AS facet,
            coalesce(country, city, contact_title) COLLATE "C" AS value,
            count(*) AS count
        FROM matching GROUP BY GROUPING SETS ((country), (city), (contact_title), ())
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY facet ORDER BY count DESC, value) AS position FROM counted
    )
    SELECT facet, value, count FROM ranked WHERE position <= 100 ORDER BY facet, position
"""
"""One row for the total, and one for each of the 100 most frequent values of a field, around the matching rows."""
