"""Counts and histograms add up to what there is."""

import pytest

from promptrec_tui.datasets.dataset import open_dataset
from promptrec_tui.datasets.statistics import describe_dataset


@pytest.fixture
def statistics(dataset):
    return describe_dataset(dataset, lambda phase, done, total: None, len, "letters")


def bars(statistics, title):
    histogram = next(histogram for histogram in statistics.histograms if histogram.title.startswith(title))
    return {bar.label: bar.count for bar in histogram.bars}


def test_counts(statistics):
    assert (statistics.users, statistics.items, statistics.interactions, statistics.examples) == (2, 4, 6, 0)
    assert statistics.density == 6 / 8


def test_every_user_item_and_rating_is_in_one_bar(statistics):
    assert sum(bars(statistics, "events per user").values()) == 2
    assert bars(statistics, "events per item") == {"0": 1, "1": 1, "2-3": 2}
    assert bars(statistics, "ratings") == {"1": 1, "2.5": 1, "3": 1, "4": 1, "5": 1}
    assert sum(bars(statistics, "title length in tokens of letters").values()) == 4


def test_the_most_and_the_least_popular(statistics):
    assert [item.key for item in statistics.top][:1] == ["a"]
    assert [item.key for item in statistics.tail][:1] == ["unseen"]


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (1, ["2001-09-09", "2001-09-10", "2001-09-11"]),
        (31, ["2001-09", "2001-10", "2001-11"]),
        (400, ["2001", "2002", "2003"]),
    ],
)
def test_events_over_time_by_day_month_or_year(write, target, days, labels):
    from promptrec_tui.datasets.importer import ImportOptions, import_dataset

    rows = [f"u,i{n},{1_000_000_000 + n * days * 86_400}" for n in (0, 0, 1, 2)]
    source = write("events.csv", "user,item,timestamp\n" + "\n".join(rows) + "\n")
    import_dataset(source, target, ImportOptions(format="csv"))
    with open_dataset(target) as dataset:
        event_statistics = describe_dataset(dataset, lambda phase, done, total: None)
    assert bars(event_statistics, "events over time") == dict(zip(labels, (2, 1, 1), strict=True))
