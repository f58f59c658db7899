"""Hypothesis profiles, and the settings of the process that a test may change."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator

import pytest
from cases import INSTRUCTION_SETS, limit_memory
from hypothesis import HealthCheck, register_random, settings

import tinygrad_k as tk
from tinygrad_k.backend import ffi, lib

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

# The default runs the same examples everywhere, so that a red test is red for everybody;
# HYPOTHESIS_PROFILE=thorough looks for new ones.
settings.register_profile(
    "default", max_examples=12, derandomize=True, deadline=None, suppress_health_check=QUIET
)
settings.register_profile("thorough", max_examples=300, deadline=None, suppress_health_check=QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


class OurNumbers:
    """The generator of this process as Hypothesis seeds it, before each example."""

    seed = staticmethod(tk.manual_seed)
    getstate = staticmethod(tk.get_rng_state)
    setstate = staticmethod(tk.set_rng_state)


NUMBERS = OurNumbers()
register_random(NUMBERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests have the same names in every process, so that any one can be asked for."""
    changing = [each.nodeid for each in items if " at 0x" in each.nodeid]
    assert not changing, changing


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Puts the instruction set, the number of threads and the grad mode back after each test, which
    draws the same numbers whatever ran before it."""
    isa, threads, mode = ffi.string(lib.tk_isa()), tk.get_num_threads(), lib.tk_grad_mode()
    tk.manual_seed(0)
    yield
    lib.tk_memory_fail_after(-1)
    lib.tk_set_grad_mode(mode)
    if ffi.string(lib.tk_isa()) != isa:
        assert lib.tk_choose_isa(isa) == 0
    if tk.get_num_threads() != threads:
        tk.set_num_threads(threads)


@pytest.fixture(scope="module")
def little_memory() -> Iterator[None]:
    """Little more than there is, so that tests may ask for absurd sizes on any machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit_memory()
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(params=INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest) -> str:
    """Runs the test once on every instruction set that this machine supports."""
    assert lib.tk_choose_isa(request.param.encode()) == 0
    return str(request.param)


@pytest.fixture
def in_turn() -> Iterator[Callable[[], Iterator[int]]]:
    """A function that walks numbers of threads, each set while it is yielded."""

    def walk() -> Iterator[int]:
        for n in (1, 2, 3, 7):
            tk.set_num_threads(n)
            yield n

    yield walk
