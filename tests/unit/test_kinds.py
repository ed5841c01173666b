"""The table of kinds, docs/kinds.md, says what happens."""

import kinds
import pytest
import zoo

TABLE = kinds.written()


def test_the_table_has_every_kind():
    assert list(TABLE) == list(zoo.ZOO)


SLOW = [pytest.param(column, marks=pytest.mark.slow) for column in ("filters", "export")]


@pytest.mark.parametrize("kind", zoo.ZOO)
@pytest.mark.parametrize("column", ["masks", "recalibration", *SLOW])
def test_the_table_is_up_to_date(kind, column):
    assert kinds.cell(kind, column) == TABLE[kind][column]
