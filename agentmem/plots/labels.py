"""Place labels so that none covers a point or another label.

adjustText 1.4 was compared on a graph of 166 memories: it took 9.8 s instead of 0.8 s, covered
nodes, and left room for 93 labels instead of 102.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

__all__ = ["Page"]

_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, 1), (-1, 1), (1, -1), (-1, -1))


class Page:
    """A page with points and lines; labels are placed one after the other. All in pixels.

    Args:
        bounds: labels stay within.
        points: labels must not cover them.
        lines: labels avoid them if possible; shape (lines, 2 ends, 2).
        gap: half the width of a point.
    """

    def __init__(
        self,
        bounds: Bbox,
        points: Sequence[tuple[float, float]],
        lines: NDArray[np.float64],
        gap: float,
    ) -> None:
        self._bounds = bounds
        self._lines = lines
        self._gap = gap
        self._boxes = [(x - gap, y - gap, x + gap, y + gap) for x, y in points]

    def place(
        self, point: tuple[float, float], width: float, height: float
    ) -> tuple[float, float] | None:
        """Place a label beside a point where it covers the fewest lines.

        Returns:
            The lower left corner of the label; None if there is no room.
        """
        boxes = [self._beside(point, width, height, dx, dy) for dx, dy in _SIDES]
        free = [box for box in boxes if self._is_free(box)]
        if not free:
            return None
        best = min(free, key=self._crossed)
        self._boxes.append(best)
        return best[:2]

    def _beside(
        self, point: tuple[float, float], width: float, height: float, dx: int, dy: int
    ) -> tuple[float, float, float, float]:
        reach = 1.15 * self._gap
        left = point[0] - width / 2 + dx * (width / 2 + reach)
        low = point[1] - height / 2 + dy * (height / 2 + reach)
        return left, low, left + width, low + height

    def _is_free(self, box: tuple[float, float, float, float]) -> bool:
        left, low, right, high = box
        page = self._bounds
        if left < page.x0 or right > page.x1 or low < page.y0 or high > page.y1:
            return False
        boxes = np.array(self._boxes)
        apart = (boxes[:, 0] > right) | (boxes[:, 2] < left)
        apart |= (boxes[:, 1] > high) | (boxes[:, 3] < low)
        return bool(apart.all())

    def _crossed(self, box: tuple[float, float, float, float]) -> int:
        """Count the lines that cross a box (Liang-Barsky clipping of all lines at once)."""
        start, run = self._lines[:, 0], self._lines[:, 1] - self._lines[:, 0]
        run = np.where(np.abs(run) < 1e-9, 1e-9, run)
        near = (np.array(box[:2]) - start) / run
        far = (np.array(box[2:]) - start) / run
        enter = np.minimum(near, far).max(1, initial=0.0)
        leave = np.maximum(near, far).min(1, initial=1.0)
        return int((enter < leave).sum())
