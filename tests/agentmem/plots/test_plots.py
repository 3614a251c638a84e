"""Plots: files of the right kind, with the right content, reproducible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from agentmem import ForgettingCurve, InvalidInputError, StoreUnavailableError
from agentmem.plots import default_until, plot_forgetting_curve, plot_graph
from agentmem.plots.curve import draw_curve
from agentmem.plots.fonts import drawable
from agentmem.plots.graph import draw_graph
from agentmem.plots.layout import lay_out

CURVE = ForgettingCurve(base_days=30, archive_below=0.05)


def draw_axes(recalls: list[float], until: float) -> Axes:
    figure = Figure()
    draw_curve(figure, CURVE, CURVE.initial_strength(0.5), recalls, until)
    return figure.axes[0]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def graph_of(sizes: list[int], alone: int = 0) -> nx.Graph:
    """Cliques of these sizes, a chain through them, and nodes without edges."""
    graph = nx.Graph()
    for clique, size in enumerate(sizes):
        members = [f"{clique}-{i}" for i in range(size)]
        graph.add_edges_from(((a, b) for a in members for b in members if a < b), weight=0.8)
        if clique:
            graph.add_edge(members[0], f"{clique - 1}-0", weight=0.4)
    graph.add_nodes_from(f"alone-{i}" for i in range(alone))
    kinds = ["turn", "session", "summary", "keywords"]
    for i, (node, data) in enumerate(graph.nodes(data=True)):
        data.update(text=f"memory {node}", granularity=kinds[i % 4], retention=i / len(graph))
    return graph


class TestForgettingCurve:
    @pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
    def test_writes_the_format_of_the_suffix(self, tmp_path: Path, ending: str) -> None:
        out = plot_forgetting_curve(CURVE, [1, 7, 30], None, tmp_path / f"curve.{ending}")
        starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
        assert out.read_bytes().startswith(starts[ending])

    def test_is_reproducible(self, tmp_path: Path) -> None:
        one = plot_forgetting_curve(CURVE, [7, 1], 90, tmp_path / "one.png")
        two = plot_forgetting_curve(CURVE, [1, 7], 90, tmp_path / "two.png")
        assert one.read_bytes() == two.read_bytes()

    def test_compares_with_a_memory_that_is_never_recalled(self) -> None:
        axes = draw_axes([7], 200)
        lines = {str(line.get_label()): line for line in axes.lines}
        assert "a sweep archives below 5%" in lines
        ends = {name: np.asarray(line.get_ydata())[-1] for name, line in lines.items()}
        assert ends["recalled once"] > ends["never recalled"]

    def test_marks_each_recall_and_the_day_of_archiving(self) -> None:
        labels = texts(draw_axes([7], 200))
        assert "day 7\nS 30 → 39" in labels
        assert "day 90" in labels  # 30 ln 20, for the memory never recalled

    def test_does_not_mark_archiving_beyond_the_plot(self) -> None:
        assert texts(draw_axes([], 50)) == []

    def test_ends_by_default_when_the_memory_has_faded(self) -> None:
        until = default_until(CURVE, [7.0], 30.0)
        after = CURVE.strengthened(30.0, 7.0)
        assert CURVE.retention(until - 7, after) < CURVE.archive_below

    @pytest.mark.parametrize("recall", [-1.0, float("nan"), float("inf")])
    def test_rejects_impossible_recalls(self, tmp_path: Path, recall: float) -> None:
        with pytest.raises(InvalidInputError, match="recall day"):
            plot_forgetting_curve(CURVE, [recall], None, tmp_path / "curve.png")

    @pytest.mark.parametrize("until", [0.0, -3.0, float("nan"), float("inf")])
    def test_rejects_impossible_ends(self, tmp_path: Path, until: float) -> None:
        with pytest.raises(InvalidInputError, match="until_days"):
            plot_forgetting_curve(CURVE, [], until, tmp_path / "curve.png")


class TestGraph:
    @pytest.mark.parametrize(
        "graph",
        [nx.Graph(), graph_of([], 1), graph_of([2], 3), graph_of([5, 7, 1]), graph_of([], 60)],
        ids=["empty", "one", "pair", "cliques", "only unlinked"],
    )
    def test_draws_graphs_of_any_shape(self, tmp_path: Path, graph: nx.Graph) -> None:
        out = plot_graph(graph, tmp_path / "graph.png")
        with Image.open(out) as picture:
            assert min(picture.size) > 800

    def test_nodes_do_not_overlap(self) -> None:
        layout = lay_out(graph_of([12, 9, 4], alone=7))
        spots = list(layout.places.values())
        distances = [
            ((x - u) ** 2 + (y - v) ** 2) ** 0.5
            for n, (x, y) in enumerate(spots)
            for u, v in spots[:n]
        ]
        assert len(spots) == 32
        assert min(distances) > 0.2

    def test_the_layout_does_not_depend_on_the_order_of_nodes(self) -> None:
        graph = graph_of([6, 5], alone=2)
        turned = nx.Graph()
        turned.add_nodes_from(reversed(list(graph.nodes(data=True))))
        turned.add_edges_from((b, a, d) for a, b, d in reversed(list(graph.edges(data=True))))
        assert lay_out(graph).places == lay_out(turned).places

    def test_labels_are_texts_of_memories(self) -> None:
        figure = Figure(figsize=(10, 7), layout="constrained")
        FigureCanvasAgg(figure)
        draw_graph(figure, graph_of([4], alone=1), "")
        assert {"memory 0-0", "memory alone-0", "no associations"} <= set(texts(figure.axes[0]))

    def test_draws_texts_in_any_script(self, tmp_path: Path) -> None:
        graph = nx.path_graph(4)
        for node, text in enumerate(["$5 and $6", "\x1b[31mred\x07", "私の犬 🐶", "x" * 3000]):
            graph.nodes[node].update(text=text, granularity="turn", retention=0.5)
        assert plot_graph(graph, tmp_path / "graph.png", title="a $x$ 🐶").exists()
        assert drawable("two\nlines\t\x00") == "two lines"


def test_other_suffixes_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"must end in \.png, \.svg, \.pdf"):
        plot_graph(nx.Graph(), tmp_path / "graph.gif")


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot write"):
        plot_graph(nx.Graph(), tmp_path / "none" / "graph.png")


def test_the_settings_of_matplotlib_do_not_change(tmp_path: Path) -> None:
    before = rcParams.copy()
    plot_forgetting_curve(CURVE, [3], None, tmp_path / "curve.png")
    assert rcParams.copy() == before


def test_without_matplotlib_the_error_names_the_command_that_installs_it(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["matplotlib"] = None
from agentmem import ForgettingCurve, MissingExtraError
from agentmem.plots import plot_forgetting_curve
try:
    plot_forgetting_curve(ForgettingCurve(), [], None, {str(tmp_path / "c.png")!r})
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert 'pip install "ebbinghaus-agentmem[plot]"' in done.stdout, done.stderr
