"""The chart of what past clean-ups came to, year by year."""

from __future__ import annotations

from itertools import pairwise

from accounts_review.web.cleanups.years import FULL, HEIGHT, TOP, WIDTH, Year, columns_of


def year(number: int, *, revoked: int = 0, spared: int = 0, undeliverable: int = 0, others: int = 0) -> Year:
    return Year(
        year=number,
        cleanups=1,
        accounts=revoked + spared + undeliverable + others,
        revoked=revoked,
        spared=spared,
        undeliverable=undeliverable,
        returned=0,
    )


def test_one_year_alone_has_no_trend() -> None:
    assert columns_of([]) == []
    assert columns_of([year(2026, revoked=3)]) == []


def test_the_largest_year_is_full_height_and_the_others_are_to_its_scale() -> None:
    small, large = columns_of([year(2026, revoked=30, spared=10), year(2025, revoked=10)])
    assert [(column.year, column.total) for column in (small, large)] == [(2025, 10), (2026, 40)]
    assert [(block.state, block.count, block.height) for block in large.blocks] == [
        ("revoked", 30, 90),
        ("spared", 10, 30),
    ]
    assert [block.height for block in small.blocks] == [30]
    assert small.blocks[0].y + 30 == large.blocks[0].y + 90 == TOP + HEIGHT, "all stand on one line"
    assert large.blocks[1].y + 30 == large.blocks[0].y, "without gaps"


def test_a_year_without_a_cleanup_stands_empty_between_the_others() -> None:
    columns = columns_of([year(2026, others=2), year(2024, undeliverable=1)])
    assert [(column.year, [block.state for block in column.blocks]) for column in columns] == [
        (2024, ["undeliverable"]),
        (2025, []),
        (2026, ["withdrawn"]),
    ]


def test_the_newest_ten_years_fit_beside_each_other() -> None:
    columns = columns_of([year(number, revoked=1) for number in range(2030, 2010, -1)])
    assert [column.year for column in columns] == list(range(2021, 2031))
    assert all(left.x + WIDTH < right.x for left, right in pairwise(columns))
    assert columns[-1].x + WIDTH <= FULL


def test_years_whose_cleanups_held_nobody_are_drawn_empty() -> None:
    assert [column.blocks for column in columns_of([year(2026), year(2025)])] == [[], []]
