"""The list that people look through: newest studies first, what they take, what was done with them; alike in both indexes."""

from helpers.archive import compress, instance, set_rules, stored

from dicompress.store.overview import overview


def study(number: int, date: str | None, name: str = "Doe^Jane", **attributes) -> bytes:
    uids = {"StudyInstanceUID": f"1.1.{number}", "SeriesInstanceUID": f"1.2.{number}"}
    return instance(number, **uids | {"StudyDate": date, "PatientName": name, "SpecificCharacterSet": "ISO_IR 192"} | attributes)


def uids(store, *arguments) -> list[str]:
    return [one["StudyInstanceUID"] for one in overview(store, *arguments)]


def test_the_newest_studies_come_first_and_those_without_a_date_last(store):
    for number, date in enumerate(("20240101", "", "20240301", "20240201"), 1):
        store.put(study(number, date))
    assert uids(store) == ["1.1.3", "1.1.4", "1.1.1", "1.1.2"]
    assert uids(store, "", 2, 1) == ["1.1.4", "1.1.1"] and uids(store, "", 10, 4) == []


def test_it_tells_bytes_before_and_after_and_states(store):
    first, second = study(1, "20240101"), study(2, "20240101", Modality="MR", StudyInstanceUID="1.1.1")
    store.put(first)
    store.put(second)
    (before,) = overview(store)
    size = len(first) + len(second)
    assert (before["objects"], before["series"], before["modalities"]) == (2, 2, ["CT", "MR"])
    assert (before["arrived_bytes"], before["stored_bytes"], before["states"]) == (size, size, {"raw": 2})
    compress(store)
    (after,) = overview(store)
    kept = sum(len(store.storage.read(key)) for key in stored(store))
    assert (after["arrived_bytes"], after["stored_bytes"], after["states"], after["near"]) == (size, kept, {"compressed": 2}, 0)
    assert kept < size


def test_objects_that_a_rule_changed_within_a_bound_are_told(store):
    store = set_rules(store, '[[rule]]\ndo = "near"\nnear = 2\n')
    store.put(study(1, "20240101"))
    compress(store)
    (found,) = overview(store)
    assert (found["objects"], found["near"]) == (1, 1)


def test_parts_of_names_numbers_and_descriptions_are_found(store):
    store.put(study(1, "20240101", "Müller^Jörg", PatientID="A17", StudyDescription="Head"))
    store.put(study(2, "20240102", "Doe^Jane", PatientID="100%_[x]", AccessionNumber="77"))
    for wanted, found in {
        "MÜLL": "1", "jane": "2", "A1": "1", "100%_[": "2", "0_0": "", "ead": "1", "77": "2", "20240102": "2", " ": "2 1", "nobody": "",
    }.items():  # fmt: skip
        assert [uid.removeprefix("1.1.") for uid in uids(store, wanted)] == found.split(), wanted
