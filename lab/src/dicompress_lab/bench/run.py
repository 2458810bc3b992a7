"""The benchmark itself: which codecs, which images, what is known already, and what the workers find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dicompress.errors import DicompressError

from . import pool
from .codec import Codec
from .environment import where
from .images import Image, Refused, scan
from .journal import Journal
from .measure import FAILED, Measurement

Tell = Callable[[float, float, str], None]  # done and all of the work, in pixels times codecs; what was done last


@dataclass
class Outcome:
    """What a report is made of.

    codecs: those asked for, in order, with those that are missing here. digests: image -> of its pixels. resumed: how many
    measurements were there before.
    """

    codecs: list[Codec]
    images: list[Image] = field(default_factory=list)
    digests: dict[Image, str] = field(default_factory=dict)
    measurements: list[tuple[Image, Measurement]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    resumed: int = 0

    @property
    def failed(self) -> list[Measurement]:
        return [m for _, m in self.measurements if m.status == FAILED]


def installed() -> dict[str, Codec]:
    """The codecs of this package."""
    from .codecs import all_codecs

    return all_codecs()


def choose(codecs: list[Codec], names: list[str]) -> list[Codec]:
    """Codecs by name or key; "fast" stands for those that are not slow, "all" for all. DicompressError: no such codec."""
    wanted: dict[str, Codec] = {}
    for name in names or ["fast"]:
        asked = name.strip().lower().replace(" ", "-")
        found = [c for c in codecs if asked in ("all", c.key) or (asked == "fast" and not c.slow)]
        if not found:
            raise DicompressError(f"there is no codec {name!r}; there are fast, all, {', '.join(c.key for c in codecs)}")
        wanted |= {c.key: c for c in found}
    return [c for c in codecs if c.key in wanted]


def run(
    sources: list[Path], names: list[str], jobs: int, journal: Path, tell: Tell, catalogue: pool.Catalogue = installed
) -> Outcome:
    """Measure the codecs `names` on all images in `sources`; DicompressError if there is nothing to measure."""
    outcome = Outcome(choose(list(catalogue().values()), names))
    able = {c.name: c for c in outcome.codecs if not c.missing}
    if not able:
        raise DicompressError("; ".join(f"{c.name} cannot run here: {c.missing}" for c in outcome.codecs))
    outcome.images, outcome.refused = scan(sources, [journal.with_suffix(suffix) for suffix in (".html", ".csv", ".json", ".jsonl")])
    if not outcome.images:
        raise _nothing(sources, outcome.refused)
    with Journal(journal) as known:
        _measure(outcome, able, jobs, known, tell, catalogue)
    order = {name: i for i, name in enumerate(able)}
    outcome.images = [i for i in outcome.images if i in outcome.digests]
    outcome.measurements.sort(key=lambda pair: (pair[0].path, pair[0].frame, order[pair[1].codec]))
    outcome.refused.sort(key=lambda r: r.path)
    if not outcome.images:
        raise _nothing(sources, outcome.refused)
    return outcome


def _measure(outcome: Outcome, codecs: dict[str, Codec], jobs: int, journal: Journal, tell: Tell, catalogue: pool.Catalogue) -> None:
    # Large images first, so that no core is left alone with the largest at the end.
    tasks = [
        pool.Task(image, tuple(codecs), {name: frozenset(_known(journal, image, codec)) for name, codec in codecs.items()})
        for image in sorted(outcome.images, key=lambda i: -i.pixels)
    ]
    place = where(jobs)
    total, done, left = sum(t.image.pixels for t in tasks) * len(codecs), 0, {t.image: len(codecs) for t in tasks}
    tell(0, total, "")
    for event in pool.run(tasks, jobs, catalogue):
        image = event.task.image
        if event.kind == "seen":
            outcome.digests[image] = event.value
        elif event.kind == "refused":
            outcome.refused.append(Refused(image.name, event.value))
        elif event.kind == "known":
            found = _known(journal, image, codecs[event.value])[outcome.digests[image]]
            outcome.measurements.append((image, found))
            outcome.resumed += 1
        elif event.kind == "measured":
            name, values = event.value
            found = Measurement(image.path, image.frame, outcome.digests[image], name, codecs[name].origin, **values, where=place)
            journal.add(found)
            outcome.measurements.append((image, found))
        steps = left[image] if event.kind == "done" else int(event.kind in ("known", "measured"))
        left[image] -= steps
        done += steps * image.pixels
        tell(done, total, image.name)


def _known(journal: Journal, image: Image, codec: Codec) -> dict[str, Measurement]:
    return journal.find(image.path, image.frame, codec.name, codec.origin)


def _nothing(sources: list[Path], refused: list[Refused]) -> DicompressError:
    some = "; ".join(f"{r.path}: {r.reason}" for r in refused[:3]) + ("; and others" if len(refused) > 3 else "")
    return DicompressError(f"no image to measure in {', '.join(map(str, sources))}" + (f" ({some})" if some else ""))
