"""Places for the labels of points in a plot, so that none covers another label, a point, or the frame."""

from __future__ import annotations

import math

Box = tuple[float, float, float, float]  # left, bottom, right, top

RADII = (10, 15, 21, 30, 42, 56, 72, 90, 110, 135, 165)
ANGLES = (0, 180, 45, 135, 315, 225, 90, 270, 20, 160, 340, 200, 70, 110, 290, 250)


def place(points: list[tuple[float, float]], sizes: list[tuple[float, float]], frame: Box, margin: float = 5) -> list[Box]:
    """A box for each label, near its point; points and sizes (width, height) in the same units, pixels.

    The nearest free place in the order of ANGLES is taken; where none is free, the one that is covered least. Points with
    the nearest neighbours choose first.
    """
    dots = [(x - margin, y - margin, x + margin, y + margin) for x, y in points]
    boxes: list[Box | None] = [None] * len(points)
    lines: list[tuple] = []

    def crowd(i: int) -> float:
        return min((math.dist(points[i], points[j]) for j in range(len(points)) if j != i), default=0)

    for i in sorted(range(len(points)), key=crowd):
        taken = [b for b in boxes if b] + [dot for j, dot in enumerate(dots) if j != i]
        best, least = None, math.inf
        for radius in RADII:
            for angle in ANGLES:
                box = _box(points[i], sizes[i], radius, angle)
                line = (points[i], nearest(box, points[i]))
                cost = sum(_shared(_wider(box, 8, 1), other) for other in taken) + 100 * (_area(box) - _shared(box, frame))
                cost += 50 * sum(_crosses(line, b) for b in boxes if b) + 50 * sum(_crosses(other, box) for other in lines)
                if cost < least:
                    best, least = box, cost
                if least <= 1e-6:
                    break
            if least <= 1e-6:
                break
        boxes[i] = best
        lines.append((points[i], nearest(best, points[i])))
    return boxes


def nearest(box: Box, point: tuple[float, float]) -> tuple[float, float]:
    """The place on the box that a line from the point leads to."""
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def _box(point, size, radius: float, angle: float) -> Box:
    """The label at this angle from the point, its nearest edge or corner about `radius` away."""
    dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = point[0] + radius * dx, point[1] + radius * dy
    left = x - size[0] * (1 - (dx > 0.3) * 1.0 - (-0.3 <= dx <= 0.3) * 0.5)
    bottom = y - size[1] * (1 - (dy > 0.3) * 1.0 - (-0.3 <= dy <= 0.3) * 0.5)
    return left, bottom, left + size[0], bottom + size[1]


def _wider(box: Box, across: float, up: float) -> Box:
    return box[0] - across, box[1] - up, box[2] + across, box[3] + up


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _crosses(line: tuple, box: Box) -> bool:
    (x0, y0), (x1, y1) = line
    steps = (i / 20 for i in range(21))
    return any(box[0] < x0 + t * (x1 - x0) < box[2] and box[1] < y0 + t * (y1 - y0) < box[3] for t in steps)
