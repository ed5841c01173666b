"""The table of kinds, docs/kinds.md, says what happens."""

import kinds
import pytest
import zoo

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")
TABLE = kinds.written()


def test_the_table_has_every_kind():
    assert list(TABLE) == list(zoo.ZOO)


@pytest.mark.parametrize("kind", zoo.ZOO)
@pytest.mark.parametrize(
    "column", ["masks", "filters", "recalibration", pytest.param("export", marks=pytest.mark.slow)]
)
def test_the_table_is_up_to_date(kind, column):
    assert kinds.cell(kind, column) == TABLE[kind][column]
