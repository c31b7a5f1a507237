"""Memory of runs that nobody holds any more: it is taken up again, and only then."""

from __future__ import annotations

import gc

import numpy as np
from numpy.typing import NDArray

from sim.engines.expected.model import Model
from sim.engines.expected.spare import Spare
from sim.engines.kernels.expected_rows import CHUNK
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world

SHAPES: dict[str, int | tuple[int, ...]] = {"one": 5, "two": (3, 7), "last": (2, 9)}


def address(array: NDArray[np.float64]) -> int:
    return int(array.__array_interface__["data"][0])


def test_what_is_lent_is_nought_and_apart() -> None:
    arrays = Spare().arrays(SHAPES)
    assert {name: one.shape for name, one in arrays.items()} == {"one": (5,), "two": (3, 7), "last": (2, 9)}
    for number, one in enumerate(arrays.values()):
        assert address(one) % (8 * CHUNK) == 0
        assert not one.any()
        one[...] = number + 1
    for number, one in enumerate(arrays.values()):
        assert (one == number + 1).all()


def test_memory_is_taken_up_again_and_cleared() -> None:
    spare = Spare()
    arrays = spare.arrays(SHAPES, as_found=("two", "last"))
    begin = address(arrays["one"])
    for one in arrays.values():
        one[...] = 3.0
    del one, arrays
    gc.collect()
    again = spare.arrays(SHAPES, as_found=("two", "last"))
    assert address(again["one"]) == begin
    assert not again["one"].any()
    assert (again["two"] == 3.0).all()  # written before they are read
    assert (again["last"] == 3.0).all()


def test_what_someone_holds_a_part_of_stays() -> None:
    spare = Spare()
    arrays = spare.arrays(SHAPES)
    arrays["two"] += 3.0
    part = arrays["two"][1:, 2:].T[:2]
    del arrays
    gc.collect()
    for one in spare.arrays(SHAPES).values():
        one[...] = 5.0
    assert (part == 3.0).all()


def test_no_more_is_kept_than_said() -> None:
    spare = Spare(most=1)
    held = [spare.arrays({"one": n}) for n in (8, 8, 16)]
    places = [address(one["one"]) for one in held]
    assert len(set(places)) == len(places)
    while held:
        held.pop()["one"] += 1.0
    gc.collect()
    assert len(spare._blocks) == 1
    assert address(spare.arrays({"one": 8})["one"]) == places[0]  # given back last


def test_a_run_that_is_held_is_not_overwritten_by_later_ones() -> None:
    model = Model(compile_plan(load_scenario(random_world(11, Size(places=8, days=90, policies=4)))))
    first = model.run(model.whole)
    kept = {name: array.copy() for name, array in first._asdict().items()}
    flow = model.run(model.whole).flow[1:]  # of this run only a part is held
    for _ in range(3):
        again = model.run(model.whole)  # the memory of one run is taken up by the next but one
        for name in ("flow", "days", "peak", "done", "stock", "balance"):
            assert np.array_equal(getattr(again, name), kept[name]), name
    assert kept["peak"].max() > 0.0
    assert np.array_equal(flow, kept["flow"][1:])
    for name, array in first._asdict().items():
        assert np.array_equal(array, kept[name]), name


def test_what_a_run_finds_in_memory_does_not_matter() -> None:
    model = Model(compile_plan(load_scenario(random_world(11, Size(places=8, days=90, policies=4)))))
    names = ("flow", "days", "peak", "done", "stock", "balance")
    memory = model.run(model.whole)
    kept = {name: getattr(memory, name).copy() for name in names}
    for array in memory:
        if array.dtype == np.float64:
            array[...] = 1e6
    begin = address(memory.flow)
    del array, memory
    gc.collect()
    again = model.run(model.whole)
    assert address(again.flow) == begin
    for name in names:
        assert np.array_equal(getattr(again, name), kept[name]), name
