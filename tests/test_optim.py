"""Optimizers against their formulas in float64, schedules against theirs, and what is refused."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_k as tk
from tinygrad_k import nn, optim
from tinygrad_k.optim import lr_scheduler

ALL = [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop]


def parameters(*shapes, seed=0, dtype=tk.float64):
    rng = np.random.default_rng(seed)
    return [nn.Parameter(tk.tensor(rng.normal(size=s), dtype=dtype)) for s in shapes]


def set_grads(params, grads):
    for p, g in zip(params, grads, strict=True):
        p.grad = None if g is None else tk.tensor(g, dtype=p.dtype)


# -- trajectories ---------------------------------------------------------------------------------


def sgd(p, g, s, o):
    g = -g if o["maximize"] else g
    g = g + o["weight_decay"] * p
    if o["momentum"]:
        if "b" in s:
            s["b"] = o["momentum"] * s["b"] + (1 - o["dampening"]) * g
        else:
            s["b"] = g
        g = g + o["momentum"] * s["b"] if o["nesterov"] else s["b"]
    return p - o["lr"] * g


def adam(p, g, s, o, decoupled=False):
    g = -g if o["maximize"] else g
    if decoupled:
        p = p * (1 - o["lr"] * o["weight_decay"])
    else:
        g = g + o["weight_decay"] * p
    t = s["t"] = s.get("t", 0) + 1
    b1, b2 = o["betas"]
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    v = s["v"]
    if o["amsgrad"]:
        v = s["vmax"] = np.maximum(s.get("vmax", 0), v)
    return p - o["lr"] / (1 - b1**t) * s["m"] / (np.sqrt(v / (1 - b2**t)) + o["eps"])


def adamw(p, g, s, o):
    return adam(p, g, s, o, decoupled=True)


def rmsprop(p, g, s, o):
    g = -g if o["maximize"] else g
    g = g + o["weight_decay"] * p
    a = o["alpha"]
    s["v"] = a * s.get("v", 0) + (1 - a) * g * g
    v = s["v"]
    if o["centered"]:
        s["g"] = a * s.get("g", 0) + (1 - a) * g
        v = v - s["g"] ** 2
    step = g / (np.sqrt(v) + o["eps"])
    if o["momentum"]:
        step = s["b"] = o["momentum"] * s.get("b", 0) + step
    return p - o["lr"] * step


rates = st.sampled_from([0.0, 1e-3, 0.1, 1.0])
shares = st.sampled_from([0.0, 0.5, 0.9])
decays = st.sampled_from([0.0, 0.01, 0.3])
flags = st.booleans()


@st.composite
def sgd_options(draw):
    options = {
        "lr": draw(rates),
        "momentum": draw(shares),
        "dampening": draw(st.sampled_from([0, 0.5])),
        "weight_decay": draw(decays),
        "nesterov": draw(flags),
        "maximize": draw(flags),
    }
    if not options["momentum"] or options["dampening"]:
        options["nesterov"] = False
    return options


adam_options = st.fixed_dictionaries(
    {
        "lr": rates,
        "betas": st.sampled_from([(0.9, 0.999), (0.0, 0.5), (0.5, 0.0)]),
        "eps": st.sampled_from([1e-8, 1e-2]),
        "weight_decay": decays,
        "amsgrad": flags,
        "maximize": flags,
    }
)
rmsprop_options = st.fixed_dictionaries(
    {
        "lr": rates,
        "alpha": st.sampled_from([0.9, 0.5]),
        "eps": st.sampled_from([1e-4, 1e-2]),
        "weight_decay": decays,
        "momentum": shares,
        "centered": flags,
        "maximize": flags,
    }
)

RULES = [
    (optim.SGD, sgd, sgd_options()),
    (optim.Adam, adam, adam_options),
    (optim.AdamW, adamw, adam_options),
    (optim.RMSprop, rmsprop, rmsprop_options),
]


def follow(cls, reference, options, steps, missing, dtype, tolerance):
    """Both side by side; the ``missing`` (step, parameter) have no gradient."""
    rng = np.random.default_rng(3)
    shapes = [(3, 4), (5,), (), (2, 0), (17, 3)]
    params = parameters(*shapes, dtype=dtype)
    optimizer = cls(params, **options)
    values = [p.detach().numpy().astype(np.float64) for p in params]
    states = [{} for _ in params]
    for step in range(steps):
        grads = [None if (step, i) in missing else rng.normal(size=s) for i, s in enumerate(shapes)]
        set_grads(params, grads)
        optimizer.step()
        for i, g in enumerate(grads):
            if g is not None:
                g = g.astype(dtype.numpy).astype(np.float64)
                values[i] = reference(values[i], g, states[i], options)
        for p, v in zip(params, values, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), v, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("cls", "reference", "options"), RULES, ids=lambda x: getattr(x, "__name__", "")
)
def test_trajectory_follows_the_formula(cls, reference, options):
    @settings(max_examples=40, deadline=None)
    @given(options, st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8))
    def check(options, missing):
        follow(cls, reference, options, 5, missing, tk.float64, 1e-9)

    check()


@pytest.mark.parametrize(("cls", "reference"), [rule[:2] for rule in RULES])
def test_trajectory_in_float32(cls, reference):
    p = parameters((1,))
    follow(cls, reference, cls(p).defaults, 20, set(), tk.float32, 2e-5)


def test_groups_have_settings_of_their_own():
    a, b, c = parameters((2,), (2,), (3,))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [c], "momentum": 0.9})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert [g["momentum"] for g in optimizer.param_groups] == [0, 0, 0.9]
    before = [p.detach().numpy().copy() for p in (a, b, c)]
    set_grads((a, b, c), [np.ones(2), np.ones(2), np.ones(3)])
    optimizer.step()
    for p, old, lr in zip((a, b, c), before, (0.1, 0.5, 0.1), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), old - lr)
    assert list(optimizer.state) == [c]


def test_changed_settings_count_from_the_next_step():
    (p,) = parameters((1,))
    optimizer = optim.SGD([p], lr=0.1)
    for lr in (0.1, 0.5, tk.tensor(0.25)):
        before = p.item()
        optimizer.param_groups[0]["lr"] = lr
        set_grads([p], [np.ones(1)])
        optimizer.step()
        assert p.item() == pytest.approx(before - float(lr))


def test_a_replaced_parameter_memory_gradient_or_state_is_seen():
    (p,) = parameters((3,))
    optimizer = optim.Adam([p], lr=0.1, betas=(0.0, 0.0), eps=0.0)
    set_grads([p], [np.ones(3)])
    optimizer.step()
    p.grad = None
    p.data = tk.zeros(3, dtype=tk.float64)
    set_grads([p], [np.full(3, -2.0)])
    optimizer.state[p]["exp_avg"] = tk.ones(3, dtype=tk.float64)
    optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), 0.1)
    optimizer.state.clear()
    optimizer.step()
    assert optimizer.state[p]["step"] == 1


def test_nothing_happens_without_gradients():
    (p,) = parameters((3,))
    for cls in ALL:
        optimizer = cls([p])
        before = p.tolist()
        optimizer.step()
        assert p.tolist() == before and not optimizer.state_dict()["state"]
        optimizer.zero_grad()


def test_zero_grad():
    (p,) = parameters((2,))
    optimizer = optim.SGD([p])
    set_grads([p], [np.ones(2)])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("cls", ALL)
def test_a_transposed_parameter_is_stepped_where_it_lies(cls):
    (plain,) = parameters((5, 7), dtype=tk.float32)
    turned = tk.tensor(plain.detach().t().numpy()).t().requires_grad_()
    taken = {}
    for p in (plain, turned):
        opt = cls([p], lr=0.1)
        for _ in range(3):
            opt.zero_grad()
            (p * p * p).sum().backward()
            before = tk.memory_stats()["allocations"]
            opt.step()
            taken[p] = tk.memory_stats()["allocations"] - before
    assert turned.stride() == (1, 5)
    assert turned.detach().numpy().tobytes("C") == plain.detach().numpy().tobytes()
    assert taken[turned] == taken[plain]  # no copies were made


def test_closure_is_called_with_gradients_on():
    (p,) = parameters((2,))
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tk.no_grad():
        first = optimizer.step(closure).item()
    assert optimizer.step(closure).item() < first


@pytest.mark.parametrize("cls", ALL)
def test_training_lowers_a_loss(cls):
    tk.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    x = tk.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = tk.tensor([[0.0], [1.0], [1.0], [0.0]])
    optimizer = cls(model.parameters(), lr=0.3 if cls is optim.SGD else 0.03)
    loss_of = nn.MSELoss()
    losses = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[200:]) < losses[0] / 3  # some rules circle around the minimum


def test_a_step_between_forward_and_backward_is_an_error():
    (p,) = parameters((2,))
    optimizer = optim.SGD([p], lr=0.1)
    set_grads([p], [np.ones(2)])
    loss = (p * p).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


# -- state ----------------------------------------------------------------------------------------

OPTIONS = {
    optim.SGD: {"lr": 0.1, "momentum": 0.9},
    optim.Adam: {"amsgrad": True},
    optim.AdamW: {},
    optim.RMSprop: {"momentum": 0.5, "centered": True},
}


def run(params, optimizer, steps, seed):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        set_grads(params, [rng.normal(size=p.shape) for p in params])
        optimizer.step()


@pytest.mark.parametrize("cls", ALL)
def test_a_loaded_state_goes_on_as_the_old_would(cls):
    a, b = parameters((3, 2), (4,)), parameters((3, 2), (4,))
    first = cls([{"params": a[:1]}, {"params": a[1:], "lr": 0.05}], **OPTIONS[cls])
    run(a, first, 3, seed=1)
    second = cls([{"params": b[:1]}, {"params": b[1:]}], lr=1.0)
    for p, q in zip(a, b, strict=True):
        q.data = p.detach().clone()
    state = first.state_dict()
    assert state["param_groups"][1]["params"] == [1] and state["param_groups"][1]["lr"] == 0.05
    second.load_state_dict(state)
    run(a, first, 3, seed=2), run(b, second, 3, seed=2)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_the_state_has_pytorchs_structure():
    p = parameters((3,), (2,))
    optimizer = optim.Adam(p)
    run(p, optimizer, 2, seed=0)
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"] and list(state["state"]) == [0, 1]
    assert set(state["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    assert state["state"][0]["step"] == 2
    for name, cls in (("momentum_buffer", optim.SGD), ("square_avg", optim.RMSprop)):
        optimizer = cls(p, **({"momentum": 0.9} if cls is optim.SGD else {}))
        run(p, optimizer, 1, seed=0)
        assert name in optimizer.state_dict()["state"][1]


def test_loaded_tensors_are_copies_of_the_parameters_dtype():
    (p,) = parameters((3,))
    optimizer = optim.Adam([p])
    run([p], optimizer, 1, seed=0)
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = tk.ones(3)  # float32
    state["state"][0]["step"] = tk.tensor(7.0)
    optimizer.load_state_dict(state)
    mine = optimizer.state[p]
    assert mine["exp_avg"].dtype is tk.float64 and mine["step"] == 7
    assert mine["exp_avg_sq"].data_ptr() != state["state"][0]["exp_avg_sq"].data_ptr()
    run([p], optimizer, 1, seed=0)


def break_group_count(state):
    state["param_groups"].append(state["param_groups"][0])


def break_sizes(state):
    state["param_groups"][0]["params"].append(9)


def break_shape(state):
    state["state"][0]["exp_avg"] = tk.zeros(4)


def break_number(state):
    state["state"][5] = {}


def break_rate(state):
    state["param_groups"][0]["lr"] = -1.0


def break_step(state):
    state["state"][0]["step"] = "three"


def break_all(state):
    state.clear()


STEPS = [math.nan, math.inf, 1.5, -1, True, tk.tensor([1.0, 2.0])]


def break_group(state):
    state["param_groups"][0].clear()


def break_states(state):
    state["state"] = [1]


def break_a_state(state):
    state["state"][0] = 1


def break_kind(state):
    state["state"][0]["exp_avg_sq"] = "x"


def break_flag(state):
    state["param_groups"][0]["amsgrad"] = "no"


def break_count(state):
    del state["state"][0]["step"]


@pytest.mark.parametrize(
    "spoil",
    [
        break_flag,
        break_count,
        *(lambda state, step=s: state["state"][0].update(step=step) for s in STEPS),
        break_group_count,
        break_sizes,
        break_shape,
        break_number,
        break_rate,
        break_step,
        break_all,
        break_group,
        break_states,
        break_a_state,
        break_kind,
    ],
)
def test_a_failing_load_changes_nothing(spoil):
    (p,) = parameters((3,))
    optimizer = optim.Adam([p])
    run([p], optimizer, 2, seed=0)
    before = copy.deepcopy(optimizer.state_dict())
    broken = copy.deepcopy(before)
    broken["param_groups"][0]["lr"] = 0.7
    spoil(broken)
    with pytest.raises((ValueError, TypeError), match="Adam"):
        optimizer.load_state_dict(broken)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["state"][0]["step"] == before["state"][0]["step"]
    np.testing.assert_array_equal(
        after["state"][0]["exp_avg"].numpy(), before["state"][0]["exp_avg"].numpy()
    )


def test_a_state_of_parameters_under_one_number_is_refused():
    optimizer = optim.SGD([{"params": parameters((1,))} for _ in range(2)])
    state = optimizer.state_dict()
    state["param_groups"][1]["params"] = [0]
    with pytest.raises(ValueError, match="parameter 0 stands in the groups twice"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize("make", ALL)
def test_settings_that_are_flags_are_bools(make):
    for value in ("no", None, 2, np.zeros(2)):
        with pytest.raises(TypeError, match=f"{make.__name__}: maximize must be a bool"):
            make(parameters((1,)), maximize=value)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_optimizers_copy_together_with_their_parameters(duplicate):
    params = parameters((3,), (2, 2))
    optimizer = optim.Adam(params, lr=0.1)
    run(params, optimizer, 2, seed=0)
    twins, twin = duplicate((params, optimizer))
    run(params, optimizer, 2, seed=1), run(twins, twin, 2, seed=1)
    for p, q in zip(params, twins, strict=True):
        assert p is not q
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_repr_lists_the_groups():
    text = repr(optim.SGD(parameters((1,)), lr=0.1))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.1")


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ALL)
def test_bad_parameters_are_refused(cls):
    p, q = parameters((2,), (2,))
    name = cls.__name__
    for error, match, bad in (
        (ValueError, "empty", []),
        (TypeError, "single Tensor", p),
        (ValueError, "twice", [p, p]),
        (ValueError, "twice", [{"params": [p]}, {"params": [q, p]}]),
        (ValueError, "no leaf", [p * 2]),
        (TypeError, "no Tensor", [p, 3]),
        (TypeError, "int64", [tk.tensor([1])]),
        (ValueError, "no 'params'", [{"lr": 0.1}]),
        (TypeError, "order", [{"params": {p, q}}]),
        (TypeError, "a dict", [{"params": [p]}, q]),
    ):
        with pytest.raises(error, match=f"{name}.*{match}"):
            cls(bad)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (optim.SGD, {"lr": -0.1}),
        (optim.SGD, {"lr": math.nan}),
        (optim.SGD, {"lr": "fast"}),
        (optim.SGD, {"momentum": -0.1}),
        (optim.SGD, {"weight_decay": -0.1}),
        (optim.SGD, {"nesterov": True}),
        (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        (optim.Adam, {"betas": (1.0, 0.9)}),
        (optim.Adam, {"betas": (0.9, -0.1)}),
        (optim.Adam, {"betas": 0.9}),
        (optim.Adam, {"eps": -1e-8}),
        (optim.AdamW, {"weight_decay": -1}),
        (optim.RMSprop, {"alpha": -1}),
        (optim.RMSprop, {"momentum": -1}),
        (optim.RMSprop, {"lr": None}),
    ],
)
def test_bad_settings_are_refused(cls, options):
    with pytest.raises((ValueError, TypeError), match=f"{cls.__name__}: .*{next(iter(options))}"):
        cls(parameters((1,)), **options)
    optimizer = cls(parameters((1,)))
    with pytest.raises((ValueError, TypeError)):
        optimizer.add_param_group({"params": parameters((1,)), **options})
    assert len(optimizer.param_groups) == 1


# -- schedules ------------------------------------------------------------------------------------


def sgd_with(*rates):
    return optim.SGD([{"params": parameters((1,)), "lr": r} for r in rates])


def cosine(t, period, base, low):
    return low + (base - low) * (1 + math.cos(math.pi * t / period)) / 2


def one_cycle(t, total, top):
    up, start, end = 0.3 * total - 1, top / 25, top / 25 / 1e4
    if t <= up:
        return top + (start - top) * (1 + math.cos(math.pi * t / up)) / 2
    share = (t - up) / (total - 1 - up)
    return end + (top - end) * (1 + math.cos(math.pi * share)) / 2


def restarts(t, first, times, base, low):
    while t >= first:
        t, first = t - first, first * times
    return cosine(t, first, base, low)


def cyclic(t, up, down, low, high, scale):
    cycle, at = divmod(t, up + down)
    share = at / up if at <= up else 1 - (at - up) / down
    return low + (high - low) * share * scale(cycle, t)


SCHEDULES = {
    "multiplicative": (
        lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 1 / t),
        lambda t, b: b / math.factorial(t),
    ),
    "polynomial": (
        lambda o: lr_scheduler.PolynomialLR(o, 4, 2.0),
        lambda t, b: b * max(0, 1 - t / 4) ** 2,
    ),
    "triangular": (
        lambda o: lr_scheduler.CyclicLR(o, [0.1, 0.2], 0.5, 2, 3, cycle_momentum=False),
        lambda t, b: cyclic(t, 2, 3, b, 0.5, lambda cycle, t: 1),
    ),
    "triangular2": (
        lambda o: lr_scheduler.CyclicLR(
            o, [0.1, 0.2], 0.5, 2, mode="triangular2", cycle_momentum=False
        ),
        lambda t, b: cyclic(t, 2, 2, b, 0.5, lambda cycle, t: 0.5**cycle),
    ),
    "exp_range": (
        lambda o: lr_scheduler.CyclicLR(
            o, [0.1, 0.2], 0.5, 2, mode="exp_range", gamma=0.9, cycle_momentum=False
        ),
        lambda t, b: cyclic(t, 2, 2, b, 0.5, lambda cycle, t: 0.9**t),
    ),
    "own scale": (
        lambda o: lr_scheduler.CyclicLR(
            o, [0.1, 0.2], 0.5, 2, scale_fn=lambda cycle: 1 / cycle, cycle_momentum=False
        ),
        lambda t, b: cyclic(t, 2, 2, b, 0.5, lambda cycle, t: 1 / (cycle + 1)),
    ),
    "chained": (
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ExponentialLR(o, 0.9), lr_scheduler.StepLR(o, 3, 0.5)], o
        ),
        lambda t, b: b * 0.9**t * 0.5 ** (t // 3),
    ),
    "chained in a sequence": (
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.ChainedScheduler(
                    [lr_scheduler.ConstantLR(o, 0.5, 2), lr_scheduler.ExponentialLR(o, 0.9)]
                )
                for _ in range(2)
            ],
            [5],
        ),
        lambda t, b: b * (0.5 if t % 5 < 2 and t < 10 else 1) * 0.9 ** (t % 5 if t < 5 else t - 5),
    ),
    "step": (lambda o: lr_scheduler.StepLR(o, 3, 0.5), lambda t, b: b * 0.5 ** (t // 3)),
    "multi": (
        lambda o: lr_scheduler.MultiStepLR(o, [7, 2, 2], 0.5),
        lambda t, b: b * 0.5 ** (2 * (t >= 2) + (t >= 7)),
    ),
    "exponential": (lambda o: lr_scheduler.ExponentialLR(o, 0.9), lambda t, b: b * 0.9**t),
    "cosine": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 5, 0.01),
        lambda t, b: cosine(t, 5, b, 0.01),
    ),
    "cosine of one": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 1),
        lambda t, b: cosine(t, 1, b, 0),
    ),
    "lambda": (lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t, b: b / (1 + t)),
    "linear": (
        lambda o: lr_scheduler.LinearLR(o, 0.25, 0.5, 4),
        lambda t, b: b * (0.25 + 0.25 * min(t, 4) / 4),
    ),
    "constant": (
        lambda o: lr_scheduler.ConstantLR(o, 0.5, 4),
        lambda t, b: b * (0.5 if t < 4 else 1),
    ),
    "restarts": (
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
        lambda t, b: restarts(t, 2, 2, b, 0.01),
    ),
    "one cycle": (
        lambda o: lr_scheduler.OneCycleLR(o, [0.4, 0.8], total_steps=20, cycle_momentum=False),
        lambda t, b: one_cycle(t, 20, 4 * b),
    ),
    "sequence": (
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, 0.5, 1.0, 4),
                lr_scheduler.ExponentialLR(o, 0.9),
                lr_scheduler.ConstantLR(o, 0.1, 100),
            ],
            [4, 8],
        ),
        lambda t, b: b * ((0.5 + t / 8) if t < 4 else 0.9 ** (t - 4) if t < 8 else 0.1),
    ),
}


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_schedules_have_their_closed_forms(name):
    make, formula = SCHEDULES[name]
    optimizer = sgd_with(0.1, 0.2)
    schedule = make(optimizer)
    for t in range(16):
        rates = [group["lr"] for group in optimizer.param_groups]
        np.testing.assert_allclose(rates, [formula(t, 0.1), formula(t, 0.2)], rtol=1e-9, atol=1e-12)
        assert schedule.get_last_lr() == rates and schedule.last_epoch == t
        schedule.step()


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_a_loaded_schedule_goes_on(name):
    make, _ = SCHEDULES[name]
    a, b = sgd_with(0.1, 0.2), sgd_with(0.1, 0.2)
    first, second = make(a), make(b)
    for _ in range(5):
        first.step()
    b.load_state_dict(a.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(6):
        first.step(), second.step()
        assert first.get_last_lr() == second.get_last_lr()
        assert [g["lr"] for g in a.param_groups] == [g["lr"] for g in b.param_groups]


def test_momentum_goes_against_the_rate():
    """Cyclic schedules: highest where the rate is lowest."""
    for o, key in (
        (optim.SGD(parameters((1,)), lr=0.1, momentum=0.5), "momentum"),
        (optim.Adam(parameters((1,))), "betas"),
    ):
        schedule = lr_scheduler.CyclicLR(o, 0.1, 0.9, step_size_up=4, mode="triangular2")
        for t in range(17):
            group = o.param_groups[0]
            momentum = group["betas"][0] if key == "betas" else group["momentum"]
            share = (group["lr"] - 0.1) / 0.8
            assert np.isclose(share, cyclic(t, 4, 4, 0, 1, lambda cycle, t: 0.5**cycle), atol=1e-12)
            assert np.isclose(momentum, 0.9 - 0.1 * share)
            schedule.step()


def test_a_schedule_goes_on_from_a_given_epoch():
    optimizer = sgd_with(0.1)
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(optimizer, 3, last_epoch=4)
    optimizer.param_groups[0]["initial_lr"] = 0.1
    schedule = lr_scheduler.LambdaLR(optimizer, [lambda t: t], last_epoch=4)
    assert schedule.last_epoch == 5 and optimizer.param_groups[0]["lr"] == 0.5


def test_two_schedules_multiply():
    optimizer = sgd_with(1.0)
    both = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.StepLR(optimizer, 2, 0.1)]
    for _ in range(4):
        for schedule in both:
            schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.9**4 * 0.01)


def test_restarts_take_fractions_of_an_epoch():
    optimizer = sgd_with(1.0)
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 3)
    schedule.step(5.5)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(cosine(3.5, 6, 1, 0))
    schedule.step()
    assert schedule.last_epoch == 6
    with pytest.raises(ValueError, match="epoch"):
        schedule.step(-1)


def test_one_cycle_moves_the_momentum_against_the_rate():
    for optimizer in (
        optim.SGD(parameters((1,)), momentum=0.9),
        optim.Adam(parameters((1,))),
    ):
        schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, epochs=2, steps_per_epoch=10)
        group = optimizer.param_groups[0]

        def momentum(group=group):
            return group["betas"][0] if "betas" in group else group["momentum"]

        assert momentum() == 0.95 and group["lr"] == pytest.approx(1 / 25)
        for _ in range(5):
            schedule.step()
        assert momentum() == pytest.approx(0.85) and group["lr"] == pytest.approx(1.0)
        for _ in range(14):
            schedule.step()
        assert momentum() == pytest.approx(0.95) and group["lr"] == pytest.approx(1 / 25e4)
        schedule.step()
        with pytest.raises(ValueError, match="20 steps"):
            schedule.step()


def test_one_cycle_of_three_phases():
    optimizer = sgd_with(0.1)
    schedule = lr_scheduler.OneCycleLR(
        optimizer,
        1.0,
        total_steps=11,
        pct_start=0.4,
        anneal_strategy="linear",
        cycle_momentum=False,
        div_factor=10,
        three_phase=True,
    )
    up = 0.4 * 11 - 1
    ends = [(0, 0.1), (up, 1.0), (2 * up, 0.1), (10, 0.1 / 1e4)]
    for t in range(11):
        expected = np.interp(t, *zip(*ends, strict=True))
        assert schedule.get_last_lr() == pytest.approx([expected])
        if t < 10:
            schedule.step()


def test_reduce_on_plateau():
    optimizer = sgd_with(1.0, 0.1)
    schedule = lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, cooldown=1, min_lr=[0.3, 0.0]
    )

    def feed(*values):
        for value in values:
            schedule.step(value)
        return schedule.get_last_lr()

    assert feed(1.0, 0.9, 0.9, 0.9) == [1.0, 0.1]
    assert feed(tk.tensor(0.9)) == [0.5, 0.05]  # three in a row
    assert schedule.in_cooldown
    assert feed(0.9, 0.9, 0.9) == [0.5, 0.05]  # the first did not count
    assert feed(math.nan) == [0.3, 0.025]
    assert feed(0.5, 0.6, 0.6) == [0.3, 0.025] and schedule.num_bad_epochs == 2

    other = lr_scheduler.ReduceLROnPlateau(sgd_with(1.0, 0.1), patience=2, factor=0.5)
    other.load_state_dict(schedule.state_dict())
    assert other.best == 0.5 and other.num_bad_epochs == 2


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "better", "same"),
    [("min", "rel", 8.9, 9.1), ("min", "abs", 9.8, 9.95), ("max", "rel", 11.1, 10.9)],
)
def test_thresholds_of_the_plateau(mode, threshold_mode, better, same):
    schedule = lr_scheduler.ReduceLROnPlateau(
        sgd_with(1.0), mode, threshold=0.1, threshold_mode=threshold_mode
    )
    schedule.step(10)
    assert schedule.is_better(better, schedule.best)
    assert not schedule.is_better(same, schedule.best)


class Descent(optim.Optimizer):
    """What a user may write: another rule in Python."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @tk.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                    p.sub_(p.grad, alpha=group["lr"])


def test_an_optimizer_of_ones_own():
    (p,) = parameters((2,))
    optimizer = Descent([p], lr=0.5)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    before = p.tolist()
    (2 * p).sum().backward()
    optimizer.step()
    assert p.tolist() == [each - 1 for each in before]
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.25
    other = Descent([p])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[p] == {"steps": 1} and other.param_groups[0]["lr"] == 0.25
    optimizer.zero_grad()
    assert p.grad is None
    with pytest.raises(NotImplementedError, match="Optimizer: step is not defined"):
        optim.Optimizer([p], {}).step()


def nested(o):
    s = lr_scheduler
    inner = s.SequentialLR(o, [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.5)], [2])
    return s.SequentialLR(o, [s.ConstantLR(o, 0.1, 3), inner], [3])


def test_sequences_of_sequences():
    o = sgd_with(1.0)
    schedule, rates = nested(o), []
    for _ in range(7):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        schedule.step()
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.5, 0.5, 1.0, 0.5])


def test_a_sequence_whose_first_schedule_has_no_time():
    o = sgd_with(1.0)
    s = lr_scheduler
    schedule = s.SequentialLR(o, [s.ConstantLR(o, 0.1, 9), s.ExponentialLR(o, 0.5)], [0])
    assert o.param_groups[0]["lr"] == 1.0
    schedule.step()
    assert o.param_groups[0]["lr"] == 0.5


def test_a_failing_load_of_schedules_changes_nothing():
    o = sgd_with(1.0)
    schedule = nested(o)
    before = schedule.state_dict()
    broken = copy.deepcopy(before)
    broken["last_epoch"] = 99
    broken["_schedulers"][0]["last_epoch"] = 99
    for spoiled in ({"speed": 1}, None):
        broken["_schedulers"][1]["_schedulers"][1] = spoiled
        with pytest.raises((ValueError, TypeError), match="load_state_dict: "):
            schedule.load_state_dict(broken)
        assert schedule.state_dict() == before


def test_states_of_schedules_are_copies():
    schedule = lr_scheduler.MultiStepLR(sgd_with(1.0), [1, 2])
    state = schedule.state_dict()
    state["milestones"].append(3)
    schedule.load_state_dict(state)
    state["base_lrs"][0] = 7.0
    assert schedule.milestones == [1, 2, 3] and schedule.base_lrs == [1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"max_lr": [1.0, 2.0]},
        {"max_lr": -1.0},
        {"div_factor": 0},
        {"final_div_factor": 0},
        {"max_momentum": 1.0},
        {"base_momentum": -0.1},
        {"base_momentum": [0.5, 0.6]},
    ],
)
def test_a_refused_cycle_leaves_the_groups(options):
    o = optim.Adam(parameters((1,)))
    before = dict(o.param_groups[0])
    with pytest.raises(ValueError):
        lr_scheduler.OneCycleLR(o, **({"max_lr": 1.0, "total_steps": 10} | options))
    assert dict(o.param_groups[0]) == before


def test_schedules_refuse_nonsense():
    o = sgd_with(0.1)
    s = lr_scheduler
    for make in (
        lambda: s.StepLR(o, 0),
        lambda: s.CosineAnnealingLR(o, 0),
        lambda: s.LinearLR(o, 0.0),
        lambda: s.LinearLR(o, 0.5, 2.0),
        lambda: s.ConstantLR(o, 0.0),
        lambda: s.PolynomialLR(o, 0),
        lambda: s.MultiplicativeLR(o, [abs, abs]),
        lambda: s.CyclicLR(optim.Optimizer(parameters((1,)), {"lr": 0.1}), 0.1, 0.2),
        lambda: s.CyclicLR(o, 0.1, [0.2, 0.3], cycle_momentum=False),
        lambda: s.CyclicLR(o, 0.1, 0.2, mode="square", cycle_momentum=False),
        lambda: s.CyclicLR(o, 0.1, 0.2, step_size_up=0, cycle_momentum=False),
        lambda: s.ChainedScheduler([]),
        lambda: s.ChainedScheduler([s.StepLR(o, 1)], sgd_with(0.1)),
        lambda: s.SequentialLR(o, [], []),
        lambda: s.LambdaLR(o, [abs, abs]),
        lambda: s.OneCycleLR(o, 1.0),
        lambda: s.OneCycleLR(o, 1.0, total_steps=10, pct_start=2),
        lambda: s.OneCycleLR(o, 1.0, total_steps=10, anneal_strategy="exp"),
        lambda: s.OneCycleLR(optim.Adam(parameters((1,))), [1.0, 2.0], total_steps=10),
        lambda: s.CosineAnnealingWarmRestarts(o, 0),
        lambda: s.ReduceLROnPlateau(o, "least"),
        lambda: s.ReduceLROnPlateau(o, factor=1.0),
        lambda: s.ReduceLROnPlateau(o, threshold_mode="half"),
        lambda: s.SequentialLR(o, [s.ExponentialLR(o, 0.9)], [3]),
        lambda: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
        lambda: s.SequentialLR(o, [s.ExponentialLR(sgd_with(0.1), 0.9)], []),
        lambda: s.StepLR(o, 3).load_state_dict({"speed": 1}),
        lambda: s.StepLR(o, 3).load_state_dict({"base_lrs": [0.1, 0.1]}),
        lambda: s.StepLR(o, 3, math.nan),
        lambda: s.ExponentialLR(o, math.nan),
        lambda: s.MultiStepLR(o, [2, math.nan]),
        lambda: s.CosineAnnealingLR(o, 3, math.nan),
        lambda: s.ConstantLR(o, 0.5, -1),
        lambda: s.ReduceLROnPlateau(o, threshold=math.nan),
        lambda: s.ReduceLROnPlateau(o, min_lr=[math.nan]),
    ):
        with pytest.raises(ValueError):
            make()
    for make in (
        lambda: s.MultiStepLR(o, ["2"]),
        lambda: s.ConstantLR(o, 0.5, 2.5),
        lambda: s.StepLR(o, 3).load_state_dict({"last_epoch": "7"}),
        lambda: s.StepLR(o, 3).load_state_dict({"base_lrs": 0.1}),
    ):
        with pytest.raises(TypeError, match="LR"):
            make()
    with pytest.raises(TypeError, match="Optimizer"):
        s.StepLR(None, 3)
