"""The rules of a store: the first that fits decides; when they change, what is raw is planned anew."""

import time

import pytest
from helpers.archive import compress, instance, rows, set_rules
from sqlalchemy import update

from dicompress import units
from dicompress.errors import FileError
from dicompress.store import rules
from dicompress.store.rules import Plan
from dicompress.store.tables import objects

TEXT = """
[[rule]]
sender = ["RESEARCH*", "TEST"]
do = "leave"

[[rule]]
modality = "MG"
do = "lossless"
age = "90 d"

[[rule]]
modality = ["CT", "MR"]
larger = "100 kB"
smaller = "1 GB"
do = "near"
near_hu = 2.5
age = "12 h"

[[rule]]
modality = ["CT", "MR"]
do = "lossless"
same = "pixels"
"""


@pytest.mark.parametrize(
    "modality, sender, size, plan",
    [
        ("CT", "RESEARCH1", 5, Plan("leave")),
        ("CT", "TEST2", 5, Plan("lossless", same="pixels")),
        ("MG", "", 5, Plan("lossless", age=90 * 86400)),
        ("MR", "A", 100_001, Plan("near", near_hu=2.5, age=43200)),
        ("MR", "A", 100_000, Plan("lossless", same="pixels")),
        ("CT", "A", 10**9, Plan("lossless", same="pixels")),
        ("US", "A", 5, Plan()),
        (None, "A", 5, Plan()),
    ],
)
def test_the_first_rule_that_fits_decides(tmp_path, modality, sender, size, plan):
    (tmp_path / "rules.toml").write_text(TEXT)
    found = rules.load(tmp_path / "rules.toml").plan(modality, sender, size)
    assert found == plan == Plan.of(found.text)


@pytest.mark.parametrize(
    "text, told",
    {
        "[[rule]]": 'rule 1: do is "lossless", "near" or "leave"',
        '[[rule]]\ndo = "leave"\n[[rule]]\ndo = "zip"': "rule 2: do is",
        '[[rule]]\ndo = "near"': "rule 1: near or near_hu go with do",
        '[[rule]]\ndo = "lossless"\nnear = 1': "rule 1: near or near_hu go with do",
        '[[rule]]\ndo = "near"\nnear = 0': "rule 1: allow one error",
        '[[rule]]\ndo = "near"\nnear = 1\nnear_hu = 1': "rule 1: allow one error",
        '[[rule]]\ndo = "leave"\nage = "2 moons"': "rule 1: '2 moons' is not a duration",
        '[[rule]]\ndo = "leave"\nlarger = "2 m"': "rule 1: '2 m' is not a size",
        '[[rule]]\ndo = "leave"\nmodality = 3': "rule 1: modality is a pattern",
        '[[rule]]\ndo = "leave"\nmodalities = "CT"': "rule 1: there is no modalities; there are modality",
        "rules = 1": r"it has \[\[rule\]\]s only, no rules",
        "[[rule": "cannot be read",
    }.items(),
)
def test_rules_that_are_wrong_say_which_and_what(tmp_path, text, told):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(FileError, match=told):
        rules.load(tmp_path / "rules.toml")


def test_units():
    assert (units.seconds("90 min"), units.seconds(5), units.size("1.5 MB"), units.share("2.5 %"), units.share(1)) == (
        5400,
        5,
        1_500_000,
        0.025,
        1,
    )
    for wrong in ("0 %", "101 %", 0):
        with pytest.raises(FileError, match="is no share"):
            units.share(wrong)


def test_what_is_not_old_enough_waits(store):
    store = set_rules(store, '[[rule]]\nage = "1 h"\ndo = "lossless"')
    store.put(instance())
    assert compress(store) == {}
    with store.index.write() as connection:
        connection.execute(update(objects).values(due=time.time() - 1))
    assert compress(store)["1.2.3.1"].status == "compressed"
    store.close()


def test_changed_rules_hold_for_all_that_is_raw(store):
    store = set_rules(store, '[[rule]]\ndo = "leave"')
    store.put(instance(1, Modality="CT"))
    store.put(instance(2, Modality="MR", SeriesInstanceUID="1.9"), "A")
    store.put(instance(3, Modality="MR", SeriesInstanceUID="1.9"), "B")
    assert compress(store) == {} and {row.reason for row in rows(store)} == {"left by its rule"}
    store = set_rules(store, '[[rule]]\nmodality = "MR"\nsender = "B"\ndo = "lossless"')
    assert list(compress(store)) == ["1.2.3.3"]
    store = set_rules(store, '[[rule]]\nmodality = "CT"\ndo = "lossless"')
    assert list(compress(store)) == ["1.2.3.1"]
    assert [row.state for row in rows(store)] == ["compressed", "raw", "compressed"]
    store.close()
