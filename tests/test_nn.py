"""Laws of modules: what they own, how they are saved, copied, called and shown."""

import copy
import math
import pickle
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_k as tk
from tinygrad_k import nn
from tinygrad_k.nn import functional as F


def small_model():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


def values(module):
    return {name: t.numpy().copy() for name, t in module.state_dict().items()}


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def draw(*shape, seed=0):
    return tk.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(tk.ones(3))
        self.body = small_model()
        self.head = nn.Linear(3, 2, bias=False)
        self.register_buffer("shift", tk.zeros(3))
        self.register_buffer("cache", tk.zeros(1), persistent=False)

    def forward(self, x):
        return self.head(self.body(x) * self.scale + self.shift)


# -- what a module owns ---------------------------------------------------------------------------


def test_names_stand_in_the_order_of_definition():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "scale",
        "body.0.weight",
        "body.0.bias",
        "body.1.weight",
        "body.1.bias",
        "body.3.weight",
        "body.3.bias",
        "head.weight",
    ]
    assert [name for name, _ in net.named_buffers()] == [
        "shift",
        "cache",
        "body.1.running_mean",
        "body.1.running_var",
        "body.1.num_batches_tracked",
    ]
    assert [name for name, _ in net.named_children()] == ["body", "head"]
    assert [name for name, _ in net.named_modules()] == [
        "",
        "body",
        "body.0",
        "body.1",
        "body.2",
        "body.3",
        "head",
    ]
    assert len(list(net.parameters())) == 8 and len(list(net.modules())) == 7
    assert len(list(net.parameters(recurse=False))) == 1
    assert len(list(net.buffers(recurse=False))) == 2


def test_state_dict_has_parameters_and_persistent_buffers_and_shares_memory():
    net = Net()
    state = net.state_dict()
    assert "shift" in state and "cache" not in state
    assert not any(value.requires_grad for value in state.values())
    with tk.no_grad():
        net.scale.mul_(2)
    assert state["scale"].tolist() == [2, 2, 2]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale


def test_what_is_shared_is_listed_once_and_saved_under_every_name():
    a = nn.Linear(3, 3)
    model = nn.Sequential(a, nn.ReLU(), a)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 4
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(model.modules())) == 3

    tied = nn.Module()
    tied.encode, tied.decode = nn.Linear(3, 4, bias=False), nn.Linear(4, 3, bias=False)
    tied.decode.weight = nn.Parameter(tk.zeros(3, 4))
    tied.mirror = tied.encode
    tied.encode.twin = tied.decode.weight
    assert len(list(tied.parameters())) == 2


def test_attributes_go_where_they_belong():
    m = nn.Module()
    m.w = nn.Parameter(tk.zeros(2))
    with pytest.raises(TypeError, match="w is a Parameter"):
        m.w = tk.zeros(2)
    m.w = None
    assert not list(m.parameters())
    m.w = nn.Parameter(tk.ones(2))
    del m.w
    assert not hasattr(m, "w")
    with pytest.raises(AttributeError):
        _ = m.w

    m.register_buffer("b", tk.zeros(2))
    m.b = tk.ones(2)
    assert m.state_dict()["b"].tolist() == [1, 1]
    with pytest.raises(TypeError, match="b is a buffer"):
        m.b = 3
    m.b = None
    assert not m.state_dict()
    m.b = nn.Parameter(tk.zeros(1))
    assert [name for name, _ in m.named_parameters()] == ["b"] and not list(m.buffers())
    m.register_buffer("c", tk.zeros(1))
    del m.c
    assert not list(m.buffers())

    m.child = nn.ReLU()
    with pytest.raises(TypeError, match="child is a Module"):
        m.child = 3


@pytest.mark.parametrize("method", ["register_buffer", "register_parameter", "add_module"])
def test_bad_names_are_refused(method):
    m = nn.Module()
    with pytest.raises(KeyError, match="dots"):
        getattr(m, method)("a.b", None)
    with pytest.raises(KeyError, match="not empty"):
        getattr(m, method)("", None)
    with pytest.raises(KeyError, match="already exists"):
        getattr(m, method)("forward", None)
    with pytest.raises(TypeError, match="string"):
        getattr(m, method)(3, None)
    with pytest.raises(TypeError, match="expected a"):
        getattr(m, method)("x", 3)


def test_registering_none_says_that_there_is_none():
    m = nn.Module()
    m.register_parameter("bias", None)
    assert m.bias is None and not list(m.parameters())
    m.register_parameter("bias", nn.Parameter(tk.zeros(1)))
    assert len(list(m.parameters())) == 1
    with pytest.raises(ValueError, match="leaf"):
        w = nn.Parameter(tk.zeros(1))
        made = w * 2
        made.__class__ = nn.Parameter
        m.register_parameter("made", made)


def test_paths():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("body.3") is net.body[3]
    assert net.get_parameter("body.3.bias") is net.body[3].bias
    assert net.get_buffer("body.1.running_mean") is net.body[1].running_mean
    for bad in ("body.9", "scale", "body.0.weight.x"):
        with pytest.raises(AttributeError, match="has no submodule"):
            net.get_submodule(bad)
    with pytest.raises(AttributeError, match="get_parameter"):
        net.get_parameter("body.nothing")


def test_a_module_without_init_call_works():
    class Lazy(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    assert len(list(Lazy().parameters())) == 2


# -- state dicts ----------------------------------------------------------------------------------


def test_state_dict_round_trip():
    a, b = Net(), Net()
    a(draw(6, 4))
    b.load_state_dict(a.state_dict())
    same(values(a), values(b))
    result = b.load_state_dict(a.state_dict())
    assert not result.missing_keys and not result.unexpected_keys
    x = draw(5, 4, seed=1)
    np.testing.assert_array_equal(a.eval()(x).detach().numpy(), b.eval()(x).detach().numpy())


class Closed(nn.Linear):
    """Tells of no module, not even of itself."""

    def named_modules(self, *args, **kwargs):
        return iter(())


class Spare(nn.Sequential):
    """Tells of its first part alone."""

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        return self[0].named_modules(memo, f"{prefix}.0", remove_duplicate)


WALKS = ("parameters", "buffers", "modules", "children")


@pytest.mark.parametrize("name", [f"{named}{kind}" for named in ("", "named_") for kind in WALKS])
def test_walks_are_generators(name):
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Linear(2, 2))
    walk = getattr(net, name)()
    next(walk)
    walk.close()
    assert list(walk) == []


def test_walks_meet_what_is_put_in_place_meanwhile():
    net = nn.Sequential(nn.Sequential(nn.ReLU()), nn.ReLU())
    seen = []
    for path, module in net.named_modules():
        seen.append((path, type(module)))
        if path == "0":
            module[0] = nn.Sequential(nn.Linear(2, 2))
    kinds = [("", nn.Sequential), ("0", nn.Sequential), ("0.0", nn.Sequential)]
    assert seen == [*kinds, ("0.0.0", nn.Linear), ("1", nn.ReLU)]


def test_parameters_are_those_that_have_names():
    shared = nn.Linear(2, 2)
    nets = [
        nn.Sequential(Closed(2, 2), nn.Linear(2, 1)),
        nn.Sequential(shared, Spare(nn.Linear(2, 2), nn.Linear(2, 1)), shared),
        nn.Sequential(Spare(shared, nn.Linear(2, 1)), shared, nn.Sequential(shared)),
        Closed(2, 2),
        Spare(nn.Linear(2, 2), nn.Linear(2, 1)),
    ]
    for net in nets:
        named = [parameter for _, parameter in net.named_parameters()]
        assert [id(each) for each in net.parameters()] == [id(each) for each in named]


def test_loading_keeps_the_parameters_the_objects_they_were():
    net = Net()
    before = list(net.parameters())
    net.load_state_dict(Net().state_dict())
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert all(p.requires_grad and p.is_leaf for p in net.parameters())


def break_missing(state):
    del state["head.weight"]


def break_unexpected(state):
    state["foot"] = tk.zeros(1)


def break_shape(state):
    state["scale"] = tk.zeros(4)


def break_kind(state):
    state["scale"] = [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (break_missing, "missing: head.weight"),
        (break_unexpected, "unexpected: foot"),
        (break_shape, r"another shape: scale is \(3,\) in the module and \(4,\) in the state"),
        (break_kind, "not a tensor: scale is of class list"),
    ],
)
@pytest.mark.parametrize("assign", [False, True])
def test_a_failing_load_lists_everything_and_changes_nothing(spoil, text, assign):
    net, other = Net(), Net()
    state = {name: t.clone() + 1 for name, t in other.state_dict().items()}
    spoil(state)
    before = values(net)
    with pytest.raises(RuntimeError, match=text):
        net.load_state_dict(state, assign=assign)
    same(before, values(net))


def test_all_mistakes_come_in_one_error():
    state = Net().state_dict()
    break_missing(state), break_unexpected(state), break_shape(state)
    with pytest.raises(RuntimeError) as caught:
        Net().load_state_dict(state)
    text = str(caught.value)
    assert all(part in text for part in ("head.weight", "foot", "(4,)", "nothing was changed"))


def test_a_load_that_is_not_strict_reports_names_but_not_shapes():
    net, state = Net(), Net().state_dict()
    break_missing(state), break_unexpected(state)
    result = net.load_state_dict(state, strict=False)
    assert result == (["head.weight"], ["foot"])
    break_shape(state)
    with pytest.raises(RuntimeError, match="another shape"):
        net.load_state_dict(state, strict=False)


def test_loading_converts_dtypes_and_takes_exchanged_tensors():
    m = nn.Module()
    m.a, m.b = nn.Parameter(tk.zeros(2)), nn.Parameter(tk.ones(2))
    state = m.state_dict()
    m.load_state_dict({"a": state["b"], "b": state["a"]})
    assert m.a.tolist() == [1, 1] and m.b.tolist() == [0, 0]
    m.load_state_dict({"a": tk.tensor([3, 4]), "b": tk.tensor([5.0, 6.0], dtype=tk.float64)})
    assert m.a.tolist() == [3, 4] and m.b.dtype is tk.float32
    with pytest.raises(TypeError, match="load_state_dict"):
        m.load_state_dict([1])


def test_assigning_puts_the_tensors_in_their_places():
    net, other = Net(), Net()
    net.scale.requires_grad_(False)
    state = {name: t.double() for name, t in other.state_dict().items()}
    net.load_state_dict(state, assign=True)
    for name, value in net.state_dict(keep_vars=True).items():
        assert value.data_ptr() == state[name].data_ptr() and value.dtype is state[name].dtype
        assert value.requires_grad == (name != "scale" and isinstance(value, nn.Parameter))
    integers = nn.Module()
    integers.weight = nn.Parameter(tk.zeros(2))
    with pytest.raises(RuntimeError, match="not floating"):
        integers.load_state_dict({"weight": tk.tensor([1, 2])}, assign=True)


def test_states_of_several_modules_in_one_dict():
    a, b = Net(), Net()
    both = {}
    assert a.state_dict(destination=both, prefix="a.") is both
    b.state_dict(destination=both, prefix="b.")
    assert set(both) == {f"{x}.{name}" for x in "ab" for name in a.state_dict()}


# -- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_independent(duplicate):
    net = Net()
    net(draw(6, 4))
    twin = duplicate(net)
    same(values(net), values(twin))
    assert [p.requires_grad for p in twin.parameters()] == [True] * 8
    assert type(twin.scale) is nn.Parameter
    assert repr(twin) == repr(net)
    before = values(net)
    with tk.no_grad():
        for p in twin.parameters():
            p.add_(1)
    same(before, values(net))
    twin.register_buffer("more", tk.zeros(1))
    assert "more" not in net.state_dict()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_share_what_was_shared(duplicate):
    a = nn.Linear(2, 2)
    twin = duplicate(nn.Sequential(a, a))
    assert twin[0] is twin[1] and len(list(twin.parameters())) == 2


def test_a_shallow_copy_has_attributes_of_its_own():
    m = nn.Linear(2, 2)
    twin = copy.copy(m)
    twin.register_buffer("extra", tk.zeros(1))
    twin.register_forward_hook(lambda *_: None)
    assert twin.weight is m.weight
    assert not list(m.buffers()) and not m._forward_hooks


def test_parameters_copy_and_pickle():
    p = nn.Parameter(tk.tensor([[1.0, 2.0]]))
    p.sum().backward()
    for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(twin) is nn.Parameter and twin.requires_grad and twin.grad is None
        assert twin.tolist() == p.tolist() and twin.data_ptr() != p.data_ptr()
    frozen = pickle.loads(pickle.dumps(nn.Parameter(tk.zeros(()), requires_grad=False)))
    assert not frozen.requires_grad and frozen.shape == ()
    with pytest.raises(RuntimeError, match="leaves"):
        copy.deepcopy(p * 2)
    with pytest.raises(RuntimeError, match="leaves"):
        pickle.dumps(p * 2)
    with pytest.raises(TypeError, match="Parameter"):
        nn.Parameter([1.0])
    with pytest.raises(TypeError, match="int64"):
        nn.Parameter(tk.tensor([1]))
    assert repr(p).startswith("Parameter containing:\ntensor(")


def test_assigning_data_moves_the_window_and_the_graph_notices():
    p = nn.Parameter(tk.tensor([1.0, 2.0]))
    loss = (p * p).sum()
    p.data = tk.tensor([5.0, 6.0])
    assert p.tolist() == [5, 6] and p.requires_grad
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()
    (p * p).sum().backward()
    assert p.grad.tolist() == [10, 12]
    with pytest.raises(ValueError, match="does not fit"):
        p.data = tk.zeros(3)


# -- modes, conversion, gradients -----------------------------------------------------------------


def test_train_and_eval_reach_everything():
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train().body[1].training
    with pytest.raises(ValueError, match="train"):
        net.train("yes")


def test_apply_goes_from_the_leaves_up():
    seen = []
    net = small_model()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "BatchNorm1d", "ReLU", "Linear", "Sequential"]


def test_conversion_reaches_floats_and_keeps_the_objects():
    net = Net()
    net(draw(6, 4)).sum().backward()
    before = list(net.parameters())
    grads = [p.grad.numpy().copy() for p in before]
    assert net.double() is net
    for p, g, old in zip(net.parameters(), grads, before, strict=True):
        assert p is old and p.dtype is tk.float64 and p.grad.dtype is tk.float64
        np.testing.assert_array_equal(p.grad.numpy(), g)
    assert net.shift.dtype is tk.float64
    assert net.body[1].num_batches_tracked.dtype is tk.int64
    out = net(draw(6, 4).double())
    assert out.dtype is tk.float64
    out.sum().backward()
    assert net.float().to("cpu").cpu().scale.dtype is tk.float32
    assert net.to(tk.zeros(1, dtype=tk.float64)).scale.dtype is tk.float64
    assert net.to("cpu", tk.float32).scale.dtype is tk.float32
    assert net.to(device="cpu", dtype=tk.float64).scale.dtype is tk.float64
    with pytest.raises(TypeError, match="to: expected a device, a dtype or both"):
        net.to(tk.float32, "cpu")
    with pytest.raises(TypeError, match="floating"):
        net.to(tk.int64)
    with pytest.raises(ValueError, match="cpu"):
        net.to("cuda")


def test_zero_grad_and_requires_grad():
    m = nn.Linear(2, 2)
    m(tk.ones(1, 2)).sum().backward()
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.tolist() == [[0, 0], [0, 0]]
    m.zero_grad()
    assert m.weight.grad is None
    m.requires_grad_(False)
    assert not m(tk.ones(1, 2)).requires_grad


# -- calls ----------------------------------------------------------------------------------------


def test_hooks_see_and_replace_arguments_and_results():
    m = nn.Identity()
    calls = []
    with m.register_forward_pre_hook(lambda module, args: (args[0] + 1,)):
        assert m(tk.tensor(1.0)).item() == 2
    first = m.register_forward_hook(lambda module, args, out: calls.append("first"))
    m.register_forward_hook(lambda module, args, out: calls.append("before"), prepend=True)
    m.register_forward_hook(lambda module, args, kwargs, out: out * 10, with_kwargs=True)
    assert m(tk.tensor(1.0)).item() == 10 and calls == ["before", "first"]
    first.remove(), first.remove()
    m(tk.tensor(1.0))
    assert calls == ["before", "first", "before"]
    m.register_forward_pre_hook(lambda module, args, kwargs: ((tk.tensor(7.0),), {}), with_kwargs=1)
    assert m(input=tk.tensor(1.0)).item() == 70
    with pytest.raises(TypeError, match="callable"):
        m.register_forward_hook(3)


class Two(nn.Module):
    """Two tensors in, beside something else; two out, in a dict."""

    def forward(self, x, factor, y):
        return {"product": x * y * factor, "sum": x + y}


def test_hooks_in_backward_see_the_gradients_of_arguments_and_results():
    seen = []
    m = Two()
    handle = m.register_full_backward_hook(lambda *given: seen.append(given))
    x, y = (tk.randn(3, requires_grad=True) for _ in range(2))
    constant = tk.randn(3)
    for b in (y, constant):
        out = m(x, 2.0, b)
        ((out["product"] * 3).sum() + out["sum"].sum()).backward()
        ((module, (gx, none, gy), grad_output),) = seen
        assert module is m and none is None and (gy is None) == (b is constant)
        assert gx.tolist() == (6 * b + 1).tolist() == x.grad.tolist()
        assert [each.tolist() for each in grad_output] == [[3.0] * 3, [1.0] * 3]
        seen.clear()
        x.grad = None
    handle.remove()
    m(x, 2.0, y)["sum"].sum().backward()
    assert not seen and not m._hook_count


def test_hooks_in_backward_replace_gradients():
    m = nn.Linear(3, 2)
    x = tk.randn(4, 3, requires_grad=True)
    plain = [each.tolist() for each in tk.autograd.grad(m(x).sum(), (x, m.weight))]
    m.register_full_backward_pre_hook(lambda module, grads: (grads[0] * 2,))
    m.register_full_backward_hook(lambda module, grads, _: grads[0] * 5)
    found = [each.tolist() for each in tk.autograd.grad(m(x).sum(), (x, m.weight))]
    assert np.allclose(found[0], np.array(plain[0]) * 10)
    assert np.allclose(found[1], np.array(plain[1]) * 2)


@pytest.mark.parametrize("kind", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_hooks_in_backward_return_what_can_stand_for_the_gradients(kind):
    x = tk.ones(4, 3, requires_grad=True)

    def gradient(answer):
        m = nn.Identity()
        getattr(m, kind)(lambda module, grads, *outer: answer(grads[0]))
        return tk.autograd.grad(m(x).sum(), x)[0]

    assert gradient(lambda g: [g * 2]).tolist() == [[2.0] * 3] * 4
    for answer, error, text in (
        (lambda g: (g, g), RuntimeError, "on Identity must return 1 gradients; got 2"),
        (lambda g: 1, TypeError, "of Identity must return None or a Tensor .*; got int"),
        (lambda g: g.double(), TypeError, "float32 .4, 3.; got float64 .4, 3."),
        (lambda g: g[0], ValueError, "float32 .4, 3.; got float32 .3,."),
        (lambda g: g.expand(2, 4, 3), ValueError, "got float32 .2, 4, 3."),
    ):
        with pytest.raises(error, match=text):
            gradient(answer)


def test_a_hook_in_backward_without_recorded_arguments():
    seen = []
    m = nn.Linear(3, 2)
    m.register_full_backward_hook(lambda module, grads, outer: seen.append((grads, outer)))
    m(tk.ones(1, 3)).sum().backward()
    with tk.no_grad():
        m(tk.ones(1, 3))
    (((none,), (g,)),) = seen
    assert none is None and g.tolist() == [[1.0, 1.0]] and m.weight.grad is not None


def test_second_derivatives_through_hooks_in_backward():
    calls = []
    m = nn.Tanh()
    m.register_full_backward_hook(lambda module, grads, _: calls.append(0) or (grads[0] * 2,))
    x = tk.tensor([0.3, -0.7], requires_grad=True, dtype=tk.float64)
    (first,) = tk.autograd.grad(m(x).sum(), x, create_graph=True)
    (second,) = tk.autograd.grad(first.sum(), x)
    t = np.tanh([0.3, -0.7])
    assert np.allclose(first.tolist(), 2 * (1 - t**2))
    assert np.allclose(second.tolist(), 2 * -2 * t * (1 - t**2))
    assert len(calls) == 1


def test_threads_add_and_remove_hooks_at_once():
    m = nn.Linear(2, 2)

    def work():
        for _ in range(4000):
            m.register_forward_hook(lambda *given: None).remove()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(interval)
    assert not m._forward_hooks and not m._hook_count


def test_a_hook_that_is_always_called_is_called_after_an_error():
    m = nn.Module()
    seen = []
    m.register_forward_hook(lambda module, args, out: seen.append(out), always_call=True)
    with pytest.raises(NotImplementedError, match="forward is not defined"):
        m(1)
    assert seen == [None]


def notes(error):
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def test_errors_carry_the_path_of_the_module():
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(4, 3), nn.Linear(8, 2)))
    with pytest.raises(ValueError) as caught:
        net(draw(2, 4))
    text = notes(caught.value)
    assert text.endswith("in Sequential > 1 > 1: Linear(in_features=8, out_features=2, bias=True)")
    assert text.count("in Sequential") == 1
    with pytest.raises(ValueError) as caught:
        nn.Linear(4, 3)(draw(2, 5))
    assert notes(caught.value).endswith("in Linear(in_features=4, out_features=3, bias=True)")


def test_without_notes_the_path_stands_in_the_message():
    from tinygrad_k.nn import trace

    class Old:  # an exception before Python 3.11
        args = ("linear: no",)

    error, inner = Old(), nn.ReLU()
    trace.add_path(error, inner)
    assert error.args[0] == "linear: no\nin ReLU()"
    trace.add_path(error, nn.Sequential(inner))
    assert error.args[0] == "linear: no\nin Sequential > 0: ReLU()"


# -- containers -----------------------------------------------------------------------------------


def test_sequential_is_a_list_of_layers():
    a, b, c, d = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.Tanh()
    s = nn.Sequential(a, b, c)
    x = draw(4, 2)
    np.testing.assert_array_equal(s(x).detach().numpy(), c(b(a(x))).detach().numpy())
    assert len(s) == 3 and s[0] is a and s[-1] is c and list(s) == [a, b, c] and b in s
    head = s[:2]
    assert type(head) is nn.Sequential and list(head) == [a, b]
    s.append(d).insert(1, d)
    assert list(s) == [a, d, b, c, d]
    del s[1]
    assert list(s) == [a, b, c, d] and list(s.state_dict())[2:] == ["2.weight", "2.bias"]
    s[1] = nn.Sigmoid()
    assert isinstance(s[1], nn.Sigmoid)
    s.extend([b]), s.pop()
    assert list(s + nn.Sequential(b))[-1] is b
    named = nn.Sequential({"in": a, "out": c})
    assert list(named.state_dict()) == ["in.weight", "in.bias", "out.weight", "out.bias"]
    assert list(named[1:].state_dict()) == ["out.weight", "out.bias"]
    for bad in (9, -9):
        with pytest.raises(IndexError, match="out of range"):
            s[bad]
    with pytest.raises(TypeError, match="expected a Module"):
        nn.Sequential(3)
    with pytest.raises(TypeError, match="index"):
        s["0"]


def test_module_list_and_dict():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(list(layers.parameters())) == 6
    layers += [nn.ReLU()]
    assert len(layers) == 4
    layers[1:3] = [nn.ReLU(), nn.Tanh()]
    assert isinstance(layers[2], nn.Tanh)
    with pytest.raises(ValueError, match="2 members"):
        layers[1:3] = [nn.ReLU()]
    del layers[:2]
    assert len(layers) == 2
    with pytest.raises(IndexError, match="out of range"):
        layers.insert(7, nn.ReLU())
    with pytest.raises(NotImplementedError):
        layers(1)

    d = nn.ModuleDict({"a": nn.Linear(1, 1)})
    d["b"] = nn.ReLU()
    d.update([("c", nn.Tanh())])
    assert list(d) == ["a", "b", "c"] and "b" in d and len(d) == 3
    assert list(d.state_dict()) == ["a.weight", "a.bias"]
    assert isinstance(d.pop("b"), nn.ReLU) and list(d.keys()) == ["a", "c"]
    assert len(list(d.values())) == len(list(d.items())) == 2
    with pytest.raises(KeyError):
        del d["b"]
    d.clear()
    assert len(d) == 0


def test_parameter_list_and_dict():
    p = nn.ParameterList([tk.zeros(2), nn.Parameter(tk.ones(3))])
    assert all(type(each) is nn.Parameter for each in p) and p[0].requires_grad
    assert [name for name, _ in p.named_parameters()] == ["0", "1"]
    assert "float32, 3" in repr(p)
    with pytest.raises(TypeError, match="expected a Parameter"):
        p.append(3)
    d = nn.ParameterDict({"w": tk.zeros(2, 2)})
    d["b"] = tk.zeros(())
    assert [name for name, _ in d.named_parameters()] == ["w", "b"]
    assert "2x2" in repr(d)


# -- text -----------------------------------------------------------------------------------------


def test_modules_that_contain_themselves():
    """At once, through a child, and twice: every walk ends, and everything is found."""

    def ring():
        outer = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3)))
        outer.itself = outer
        outer[1].back = outer
        outer[1][0].owner = outer[1]
        return outer

    m = ring()
    inner = ["1.0.weight", "1.0.bias"]
    names = ["0.weight", "0.bias", *inner]
    assert [name for name, _ in m.named_parameters()] == names
    assert [name for name, _ in m.named_parameters(remove_duplicate=False)] == names
    assert list(m.state_dict()) == names
    assert len(list(m.modules())) == 4
    other = ring()
    other.load_state_dict(m.state_dict())
    assert other[1][0].weight.tolist() == m[1][0].weight.tolist()
    seen = []
    m.apply(seen.append)
    assert seen == [m[0], m[1][0], m[1], m]
    m.eval().double().requires_grad_(False).zero_grad()
    assert not m[1][0].training and m[1][0].weight.dtype is tk.float64
    text = repr(m)
    assert text.count("Sequential(...)") == 3 and text.count("Linear(") == 2
    again = copy.deepcopy(m)
    assert again.itself is again and again[1].back is again
    assert list(pickle.loads(pickle.dumps(m)).state_dict()) == names


def test_repr_is_a_tree():
    assert repr(small_model()) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=5, bias=True)\n"
        "  (1): BatchNorm1d(5, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)\n"
        "  (2): ReLU()\n"
        "  (3): Linear(in_features=5, out_features=3, bias=True)\n"
        ")"
    )
    assert repr(nn.Sequential(nn.Sequential(nn.Tanh()))) == (
        "Sequential(\n  (0): Sequential(\n    (0): Tanh()\n  )\n)"
    )


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Dropout(0.2), "Dropout(p=0.2, inplace=False)"),
        (nn.LeakyReLU(0.2, inplace=True), "LeakyReLU(negative_slope=0.2, inplace=True)"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.Softmax(dim=-1), "Softmax(dim=-1)"),
        (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.Unflatten(1, (2, -1)), "Unflatten(dim=1, unflattened_size=(2, -1))"),
        (nn.Embedding(5, 3, padding_idx=-1), "Embedding(5, 3, padding_idx=4)"),
        (nn.LayerNorm((2, 3)), "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)"),
        (nn.MSELoss(), "MSELoss()"),
        (nn.HuberLoss("sum", 0.5), "HuberLoss(delta=0.5, reduction='sum')"),
        (nn.PReLU(3), "PReLU(num_parameters=3)"),
        (nn.Identity(1, a=2), "Identity()"),
    ],
)
def test_repr_of_a_layer_shows_its_settings(module, text):
    assert repr(module) == text


# -- layers ---------------------------------------------------------------------------------------


def test_linear():
    m = nn.Linear(3, 2)
    x = draw(5, 4, 3)
    expected = x.numpy() @ m.weight.detach().numpy().T + m.bias.detach().numpy()
    np.testing.assert_allclose(m(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(3, 2, dtype=tk.float64).weight.dtype is tk.float64
    assert nn.Linear(0, 2)(tk.zeros(4, 0)).shape == (4, 2)
    with pytest.raises(ValueError, match="at least 0"):
        nn.Linear(-1, 2)
    with pytest.raises(TypeError, match="must be an int"):
        nn.Linear(2.5, 2)


ACTIVATIONS = {
    nn.ReLU(): lambda x: np.maximum(x, 0),
    nn.ReLU6(): lambda x: np.clip(x, 0, 6),
    nn.LeakyReLU(0.3): lambda x: np.where(x > 0, x, 0.3 * x),
    nn.PReLU(): lambda x: np.where(x > 0, x, 0.25 * x),
    nn.ELU(0.5): lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)),
    nn.CELU(0.5): lambda x: np.where(x > 0, x, 0.5 * np.expm1(x / 0.5)),
    nn.SELU(): lambda x: 1.05070098735548 * np.where(x > 0, x, 1.67326324235437 * np.expm1(x)),
    nn.GELU(): lambda x: x * np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2)(x),
    nn.GELU("tanh"): lambda x: (
        x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    ),
    nn.SiLU(): lambda x: x / (1 + np.exp(-x)),
    nn.Mish(): lambda x: x * np.tanh(np.log1p(np.exp(x))),
    nn.Sigmoid(): lambda x: 1 / (1 + np.exp(-x)),
    nn.LogSigmoid(): lambda x: -np.log1p(np.exp(-x)),
    nn.Tanh(): np.tanh,
    nn.Softplus(2.0, 3.0): lambda x: np.where(2 * x > 3, x, np.log1p(np.exp(2 * x)) / 2),
    nn.Softsign(): lambda x: x / (1 + np.abs(x)),
    nn.Hardtanh(-0.5, 2.0): lambda x: np.clip(x, -0.5, 2),
    nn.Hardsigmoid(): lambda x: np.clip(x / 6 + 0.5, 0, 1),
    nn.Hardswish(): lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    nn.Softmax(-1): lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    nn.LogSoftmax(0): lambda x: x - np.log(np.exp(x).sum(0, keepdims=True)),
    nn.Softmin(1): lambda x: np.exp(-x) / np.exp(-x).sum(1, keepdims=True),
}


@pytest.mark.parametrize("module", list(ACTIVATIONS), ids=repr)
def test_activations(module):
    x = 3 * draw(4, 5)
    expected = ACTIVATIONS[module](x.numpy().astype(np.float64))
    np.testing.assert_allclose(module(x).detach().numpy(), expected, rtol=2e-5, atol=2e-6)


def test_settings_are_checked():
    for make in (
        lambda: nn.GELU("erf"),
        lambda: nn.Hardtanh(1, 1),
        lambda: nn.Dropout(1.5),
        lambda: nn.Dropout2d(-0.1),
        lambda: nn.MSELoss("average"),
        lambda: nn.CrossEntropyLoss(label_smoothing=2),
        lambda: nn.Embedding(3, 2, padding_idx=3),
        lambda: nn.LayerNorm(()),
    ):
        with pytest.raises(ValueError):
            make()
    with pytest.raises(TypeError, match="dim"):
        nn.Softmax()(tk.zeros(2))


def test_shapes_of_flatten_and_unflatten():
    x = draw(2, 6, 3)
    assert nn.Flatten()(x).shape == (2, 18)
    assert nn.Unflatten(1, (2, -1))(x).shape == (2, 2, 3, 3)
    assert nn.Unflatten(-1, (3, 1))(x).shape == (2, 6, 3, 1)
    with pytest.raises(ValueError, match="product"):
        nn.Unflatten(1, (4, -1))(x)


def test_dropout():
    tk.manual_seed(0)
    m = nn.Dropout(0.25)
    x = tk.ones(200, 200)
    y = m(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.01
    assert not np.array_equal(y, m(x).numpy())
    assert np.array_equal(m.eval()(x).numpy(), x.numpy())
    assert not nn.Dropout(1.0)(x).numpy().any()


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_channels_are_dropped_whole(dims):
    tk.manual_seed(0)
    m = getattr(nn, f"Dropout{dims}d")(0.25)
    for shape in ((50, 40), (2000,)):
        y = m(tk.ones(*shape, *[3] * dims)).numpy()
        y = y.reshape(2000, -1)
        assert (y == y[:, :1]).all() and set(np.unique(y)) == {0, np.float32(1) / np.float32(0.75)}
        assert abs((y[:, 0] == 0).mean() - 0.25) < 0.03
    x = tk.ones(4, 5, *[3] * dims)
    assert m.eval()(x) is x
    with pytest.raises(ValueError, match="dimensions"):
        m(tk.ones(3))


@pytest.mark.parametrize("kind", [nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_alpha_dropout_keeps_mean_and_variance(kind):
    tk.manual_seed(0)
    x = tk.randn(300, 300, 2)
    y = kind(0.3)(x)
    assert abs(y.mean().item()) < 0.03 and abs(y.var().item() - 1) < 0.03
    assert (y != x).any().item() and kind(0.3).eval()(x) is x


# -- normalisation --------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([None, 0.1, 0.7, 0.0]),
    st.booleans(),
    st.sampled_from([(6, 3), (4, 3, 5)]),
    st.integers(1, 3),
)
def test_batch_norm_statistics(momentum, affine, shape, batches):
    m = nn.BatchNorm1d(3, momentum=momentum, affine=affine).double()
    if affine:
        with tk.no_grad():
            m.weight.copy_(tk.tensor([1.5, -0.5, 2.0]))
            m.bias.copy_(tk.tensor([0.1, 0.2, 0.3]))
    mean, var = np.zeros(3), np.ones(3)
    rng = np.random.default_rng(7)
    axes = (0, *range(2, len(shape)))
    where = (1, 3) + (1,) * (len(shape) - 2)

    def normal(x, mu, v):
        y = (x - mu.reshape(where)) / np.sqrt(v.reshape(where) + 1e-5)
        if affine:
            y = y * np.reshape([1.5, -0.5, 2.0], where) + np.reshape([0.1, 0.2, 0.3], where)
        return y

    for i in range(batches):
        x = rng.normal(2, 3, shape)
        y = m(tk.tensor(x)).detach().numpy()
        np.testing.assert_allclose(y, normal(x, x.mean(axes), x.var(axes)), rtol=1e-6, atol=1e-7)
        share = 1 / (i + 1) if momentum is None else momentum
        mean = (1 - share) * mean + share * x.mean(axes)
        var = (1 - share) * var + share * x.var(axes, ddof=1)
        assert m.num_batches_tracked.item() == i + 1
    np.testing.assert_allclose(m.running_mean.numpy(), mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(m.running_var.numpy(), var, rtol=1e-6)
    m.eval()
    x = rng.normal(size=shape)
    np.testing.assert_allclose(
        m(tk.tensor(x)).detach().numpy(), normal(x, mean, var), rtol=1e-6, atol=1e-7
    )
    assert m.num_batches_tracked.item() == batches
    m.reset_parameters()
    assert m.running_var.tolist() == [1, 1, 1] and m.num_batches_tracked.item() == 0


def test_batch_norm_without_statistics_uses_the_batch_always():
    m = nn.BatchNorm1d(3, track_running_stats=False, affine=False).eval()
    assert not m.state_dict() and m.running_mean is None
    x = draw(50, 3) * 4 + 1
    y = m(x).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-3)


def test_batch_norm_does_not_count_what_it_refuses():
    for momentum in (0.1, None):
        m = nn.BatchNorm1d(3, momentum=momentum)
        with pytest.raises(ValueError, match="batch_norm: "):
            m(tk.ones(1, 3))
        assert m.num_batches_tracked.item() == 0


def test_batch_norm_refuses_what_it_cannot_normalise():
    m = nn.BatchNorm1d(3)
    for shape in ((3,), (2, 4), (2, 3, 4, 5)):
        with pytest.raises(ValueError, match="BatchNorm1d"):
            m(tk.zeros(*shape))
    with pytest.raises(ValueError, match="more than one value"):
        m(tk.zeros(1, 3))
    m.eval()(tk.zeros(1, 3))


def test_layer_norm():
    m = nn.LayerNorm([3, 4])
    x = draw(2, 3, 4) * 5 + 1
    a = x.numpy().reshape(2, -1)
    expected = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(m(x).detach().numpy().reshape(2, -1), expected, atol=1e-5)
    assert m.weight.shape == m.bias.shape == (3, 4)
    assert nn.LayerNorm(4, bias=False).bias is None
    assert not list(nn.LayerNorm(4, elementwise_affine=False).parameters())


def test_embedding():
    m = nn.Embedding(5, 3, padding_idx=1)
    assert m.weight[1].tolist() == [0, 0, 0] and m.weight[0].abs().sum().item() > 0
    index = tk.tensor([[1, 2], [2, 4]])
    out = m(index)
    np.testing.assert_array_equal(out.detach().numpy(), m.weight.detach().numpy()[index.numpy()])
    out.sum().backward()
    assert m.weight.grad.sum(1).tolist() == [0, 0, 6, 0, 3]
    with pytest.raises(IndexError):
        m(tk.tensor([5]))
    table = tk.ones(2, 3)
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False)(tk.tensor(0)).tolist() == [1, 1, 1]


def test_embedding_that_shortens_its_rows():
    table = tk.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    m = nn.Embedding.from_pretrained(table, freeze=False, max_norm=1.0)
    out = m(tk.tensor([0, 1, 0]))
    np.testing.assert_allclose(out.detach().numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], 1e-6)
    assert m.weight[2].tolist() == [6.0, 8.0]  # not used
    out.sum().backward()
    assert m.weight.grad.tolist() == [[2.0, 2.0], [1.0, 1.0], [0.0, 0.0]]
    ones = nn.Embedding.from_pretrained(tk.tensor([[3.0, -4.0]]), max_norm=3.5, norm_type=1.0)
    np.testing.assert_allclose(ones(tk.tensor(0)).numpy(), [1.5, -2.0], 1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("padding", [None, 1])
def test_bags_count_only_the_indices_given(mode, padding):
    table = tk.ones(5, 1).requires_grad_()
    places, offsets = tk.tensor([1, 2, 2, 3]), tk.tensor([0, 1])
    options = {"offsets": offsets, "mode": mode, "padding_idx": padding}
    F.embedding_bag(places, table, scale_grad_by_freq=True, **options).sum().backward()
    often = tk.tensor([1.0, 1.0, 2.0, 1.0, 1.0]).unsqueeze(1)
    scaled = table.grad.clone()
    table.grad = None
    F.embedding_bag(places, table, **options).sum().backward()
    assert scaled.tolist() == (table.grad / often).tolist()
    assert scaled[1].item() == (0.0 if padding else 1.0)


def test_bags_have_the_bits_of_one_thread():
    rng = np.random.default_rng(8)
    table = tk.tensor(rng.normal(size=(500, 300)).astype(np.float32), requires_grad=True)
    weights = tk.tensor(rng.normal(size=4000).astype(np.float32), requires_grad=True)
    places, offsets = tk.tensor(rng.integers(0, 500, 4000)), tk.arange(0, 4000, 8)

    def run(threads):
        tk.set_num_threads(threads)
        rows = F.embedding_bag(places, table, offsets, mode="sum", per_sample_weights=weights)
        most = F.embedding_bag(places, table, offsets, mode="max")
        return [rows, most, *tk.autograd.grad((rows * most).sum(), (table, weights))]

    before = tk.get_num_threads()
    try:
        one = run(1)
        for threads in (2, 3, 7):
            for mine, theirs in zip(run(threads), one, strict=True):
                assert (mine == theirs).all()
    finally:
        tk.set_num_threads(before)
    each = (table[places] * weights.unsqueeze(1)).reshape(500, 8, 300)
    np.testing.assert_allclose(one[0].tolist(), each.sum(1).tolist(), 1e-4, 1e-4)


def test_an_index_in_no_bag_is_checked_too():
    table, places = tk.ones(3, 2), tk.tensor([0, 1, 9])
    with pytest.raises(IndexError, match=r"^embedding_bag: index 9 is out of range for size 3"):
        F.embedding_bag(places, table, tk.tensor([0, 1]), include_last_offset=True)
    with pytest.raises(ValueError, match=r"^embedding_bag: offsets must ascend from 0 up to 3"):
        F.embedding_bag(places, table, tk.tensor([0, 2, 1]))


def test_arguments_of_embeddings():
    for kind in (nn.Embedding, nn.EmbeddingBag):
        assert kind(5, 3, padding_idx=-1).padding_idx == 4
        assert kind(5, 3, padding_idx=np.int64(2)).padding_idx == 2
        for options, error in (
            ({"padding_idx": 1.0}, TypeError),
            ({"padding_idx": 5}, ValueError),
            ({"padding_idx": -6}, ValueError),
            ({"_weight": tk.ones(3, 5)}, ValueError),
            ({"_weight": np.ones((5, 3))}, ValueError),
        ):
            with pytest.raises(error, match=f"^{kind.__name__}: "):
                kind(5, 3, **options)
        with pytest.raises(ValueError, match="from_pretrained: expected a matrix"):
            kind.from_pretrained(tk.ones(3))
        with pytest.raises(TypeError, match="indices must be int64 or int32; got uint8"):
            kind(5, 3)(tk.ones(2, 2, dtype=tk.uint8))
    with pytest.raises(ValueError, match="EmbeddingBag: mode must be"):
        nn.EmbeddingBag(5, 3, mode="median")
    bags = nn.EmbeddingBag.from_pretrained(tk.eye(3), mode="sum", padding_idx=-1)
    assert not bags.weight.requires_grad
    assert bags(tk.tensor([[0, 0, 2]])).tolist() == [[2, 0, 0]]
    assert bags.weight.tolist() == tk.eye(3).tolist()


def test_embedding_that_divides_by_frequency():
    m = nn.Embedding(4, 2, padding_idx=3, scale_grad_by_freq=True)
    out = m(tk.tensor([[0, 2, 0], [0, 3, 3]]))
    assert out.tolist() == [[m.weight[i].tolist() for i in row] for row in ([0, 2, 0], [0, 3, 3])]
    (out * tk.tensor([3.0, 6.0])).sum().backward()
    expected = [[3.0, 6.0], [0.0, 0.0], [3.0, 6.0], [0.0, 0.0]]
    np.testing.assert_allclose(m.weight.grad.numpy(), expected, 1e-6)
    with pytest.raises(ValueError, match="sparse"):
        nn.Embedding(4, 2, sparse=True)(tk.tensor(0))
    with pytest.raises(ValueError, match=r"weight must be \(4, 2\)"):
        nn.Embedding(4, 2, _weight=tk.ones(2, 4))


# -- losses ---------------------------------------------------------------------------------------

PAIRED = [
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.KLDivLoss,
]


@pytest.mark.parametrize("loss", PAIRED)
def test_a_target_of_another_shape_is_an_error(loss):
    with pytest.raises(ValueError, match=r"\(4,\)"):
        loss()(tk.full((4, 1), 0.5), tk.full((4,), 0.5))


@pytest.mark.parametrize("loss", [*PAIRED, nn.NLLLoss, nn.CrossEntropyLoss])
def test_reductions_agree(loss):
    x = (draw(6, 4) * 0.2 + 0.5).clamp(0.01, 0.99)
    y = (draw(6, 4, seed=1) * 0.2 + 0.5).clamp(0.01, 0.99)
    if loss in (nn.NLLLoss, nn.CrossEntropyLoss):
        y = tk.tensor([0, 1, 2, 3, 0, 1])
    each = loss(reduction="none")(x, y).numpy()
    assert each.shape == tuple(y.shape)
    np.testing.assert_allclose(loss(reduction="sum")(x, y).item(), each.sum(), rtol=1e-5)
    np.testing.assert_allclose(loss()(x, y).item(), each.mean(), rtol=1e-5)


def test_loss_values():
    x, y = np.array([[0.3, -1.2], [2.0, 0.1]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    tx, ty = tk.tensor(x), tk.tensor(y)
    d = np.abs(x - y)
    p = 1 / (1 + np.exp(-x))
    weight = np.array([2.0, 0.5])
    expected = {
        nn.MSELoss(): (d**2).mean(),
        nn.L1Loss(): d.mean(),
        nn.SmoothL1Loss(beta=0.5): np.where(d < 0.5, d**2, d - 0.25).mean(),
        nn.HuberLoss(delta=0.5): np.where(d < 0.5, d**2 / 2, 0.5 * (d - 0.25)).mean(),
        nn.BCEWithLogitsLoss(pos_weight=tk.tensor(weight)): -(
            weight * y * np.log(p) + (1 - y) * np.log(1 - p)
        ).mean(),
    }
    for loss, value in expected.items():
        np.testing.assert_allclose(loss(tx, ty).item(), value, rtol=1e-9, err_msg=repr(loss))
    np.testing.assert_allclose(
        nn.BCELoss(tk.tensor(weight))(tk.tensor(p), ty).item(),
        -(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).mean(),
        rtol=1e-9,
    )
    assert list(nn.BCELoss(tk.tensor(weight)).state_dict()) == ["weight"]


def cross_entropy_reference(x, target, weight, ignore, smoothing, reduction):
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    w = np.ones(x.shape[1]) if weight is None else weight
    kept = target != ignore
    safe = np.where(kept, target, 0)
    hard = -logp[np.arange(len(x)), safe] * w[safe]
    smooth = -(logp * w).sum(1) / x.shape[1]
    each = ((1 - smoothing) * hard + smoothing * smooth) * kept
    if reduction == "none":
        return each
    return each.sum() if reduction == "sum" else each.sum() / (w[safe] * kept).sum()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.sampled_from(["mean", "sum", "none"]),
    st.integers(0, 1000),
)
def test_cross_entropy_against_the_formula(n, classes, weighted, smoothing, reduction, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, classes))
    target = rng.integers(0, classes, n)
    ignore = -100
    if n > 1:
        target[0] = ignore
    weight = rng.uniform(0.2, 2, classes) if weighted else None
    loss = nn.CrossEntropyLoss(
        None if weight is None else tk.tensor(weight),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    expected = cross_entropy_reference(x, target, weight, ignore, smoothing, reduction)
    got = loss(tk.tensor(x), tk.tensor(target))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-9, atol=1e-12)
    if smoothing == 0:
        nll = nn.NLLLoss(loss.weight, reduction=reduction)
        same_loss = nll(F.log_softmax(tk.tensor(x), 1), tk.tensor(target))
        np.testing.assert_allclose(got.numpy(), same_loss.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize("classes", [2, 3, 8, 10, 32, 33])
@pytest.mark.parametrize("n", [1, 5, 64, 65, 511, 512, 1300])
def test_losses_of_rows_and_of_columns_agree(n, classes, kind, isa, in_turn):
    rng = np.random.default_rng(n)
    x, weight = rng.normal(size=(n, classes)).astype(kind.numpy), rng.uniform(0.2, 2, classes)
    target = rng.integers(0, classes, n)
    target[n // 2 + 1 :: 7] = -100
    w = tk.tensor(weight, dtype=kind)
    columns = tk.from_numpy(np.ascontiguousarray(x.T)[None])
    close = 1e-5 if kind is tk.float32 else 1e-12
    expected = cross_entropy_reference(x.astype(float), target, weight, -100, 0.1, "mean")
    logp = x - np.log(np.exp(x.astype(float)).sum(1, keepdims=True))
    plain = cross_entropy_reference(logp, target, weight, -100, 0.0, "mean")
    bits = set()
    for _ in in_turn():
        rows = tk.from_numpy(x.copy()).requires_grad_()
        others = columns.clone().requires_grad_()
        loss = F.cross_entropy(rows, tk.from_numpy(target), w, label_smoothing=0.1)
        other = F.cross_entropy(others, tk.from_numpy(target[None]), w, label_smoothing=0.1)
        nll = F.nll_loss(tk.from_numpy(logp.astype(kind.numpy)), tk.from_numpy(target), w)
        (slopes,), (across,) = (
            tk.autograd.grad(each, leaf) for each, leaf in ((loss, rows), (other, others))
        )
        np.testing.assert_allclose(loss.item(), expected, rtol=10 * close)
        np.testing.assert_allclose(nll.item(), plain, rtol=10 * close)
        np.testing.assert_allclose(slopes.numpy(), across[0].numpy().T, rtol=close, atol=close)
        bits.add(b"".join(each.detach().numpy().tobytes() for each in (loss, nll, slopes)))
    assert len(bits) == 1


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2), (3, 4, 9)], ids=str)
def test_group_norm_refuses_other_dtypes_whatever_the_size_of_a_channel(shape):
    with pytest.raises(TypeError, match="group_norm: weight must be float32; got float64"):
        F.group_norm(tk.ones(*shape), 2, tk.ones(4, dtype=tk.float64))
    with pytest.raises(TypeError, match="group_norm: not defined for int64"):
        F.group_norm(tk.ones(*shape, dtype=tk.int64), 2)


@pytest.mark.parametrize("kind", ["int64", "int32", "strided"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_label_that_is_no_class_is_refused(kind, weighted, reduction):
    logp, weight = tk.zeros(4, 3, requires_grad=True), tk.ones(3) if weighted else None
    for bad in (3, -1, 2**31 - 1):
        labels = np.array([0, -100, bad, 5]).astype("int32" if kind == "int32" else "int64")
        target = tk.tensor(np.repeat(labels, 2))[::2] if kind == "strided" else tk.tensor(labels)
        with pytest.raises(IndexError, match=rf"nll_loss: label {bad} is out of range for 3 class"):
            F.nll_loss(logp, target, weight, reduction=reduction)
    ignored = F.nll_loss(logp, tk.tensor([0, 1, 2, -7]), weight, -7, reduction)
    ignored.sum().backward()
    assert logp.grad.numpy()[3].tolist() == [0, 0, 0]


# -- initial values -------------------------------------------------------------------------------

INITS = {
    "uniform_": (lambda t, g: nn.init.uniform_(t, -1, 3, generator=g), 1.0, 4 / math.sqrt(12)),
    "normal_": (lambda t, g: nn.init.normal_(t, 2.0, 0.5, generator=g), 2.0, 0.5),
    "xavier_uniform_": (
        lambda t, g: nn.init.xavier_uniform_(t, 2.0, generator=g),
        0.0,
        2 * math.sqrt(2 / (300 + 200)),
    ),
    "xavier_normal_": (
        lambda t, g: nn.init.xavier_normal_(t, generator=g),
        0.0,
        math.sqrt(2 / (300 + 200)),
    ),
    "kaiming_uniform_": (
        lambda t, g: nn.init.kaiming_uniform_(t, nonlinearity="relu", generator=g),
        0.0,
        math.sqrt(2 / 200),
    ),
    "kaiming_normal_": (
        lambda t, g: nn.init.kaiming_normal_(t, a=1.0, mode="fan_out", generator=g),
        0.0,
        math.sqrt(1 / 300),
    ),
    # the deviation of a standard normal cut at +-2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))
    "trunc_normal_": (
        lambda t, g: nn.init.trunc_normal_(t, 1.0, 0.5, 0.0, 2.0, generator=g),
        1.0,
        0.5 * math.sqrt(1 - 4 * 0.05399096651318806 / 0.9544997361036416),
    ),
}


@pytest.mark.parametrize("name", list(INITS))
def test_initial_values_have_their_mean_and_deviation(name):
    fill, mean, deviation = INITS[name]
    t = nn.Parameter(tk.empty(300, 200))
    assert fill(t, tk.Generator().manual_seed(1)) is t
    a = t.detach().numpy().astype(np.float64)
    n = a.size
    assert abs(a.mean() - mean) < 5 * deviation / math.sqrt(n)
    assert abs(a.std() - deviation) < 5 * deviation / math.sqrt(n)
    again = nn.Parameter(tk.empty(300, 200))
    fill(again, tk.Generator().manual_seed(1))
    assert np.array_equal(again.detach().numpy(), t.detach().numpy())
    assert t.requires_grad and t.is_leaf


def test_bounds_of_initial_values():
    t = nn.init.trunc_normal_(tk.empty(10000), std=1.0, a=-0.5, b=1.0)
    assert t.min().item() >= -0.5 and t.max().item() <= 1.0
    linear = nn.Linear(16, 400)
    for p in linear.parameters():
        a = p.detach().numpy()
        assert np.abs(a).max() <= 0.25 and abs(a.std() - 0.25 / math.sqrt(3)) < 0.02


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (6, 2), (2, 3, 2)])
def test_orthogonal(shape):
    t = nn.init.orthogonal_(tk.empty(*shape, dtype=tk.float64), gain=2.0)
    a = t.numpy().reshape(shape[0], -1)
    product = a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_constants_and_errors_of_init():
    assert nn.init.calculate_gain("conv_transpose2d") == 1.0
    assert nn.init.constant_(tk.empty(2), 3.5).tolist() == [3.5, 3.5]
    assert nn.init.ones_(tk.empty(2)).tolist() == [1, 1]
    assert nn.init.zeros_(tk.empty(2)).tolist() == [0, 0]
    assert nn.init.eye_(tk.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert nn.init.calculate_gain("relu") == math.sqrt(2)
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1.0
    assert nn.init.calculate_gain("tanh") == 5 / 3
    for bad in (
        lambda: nn.init.eye_(tk.empty(2)),
        lambda: nn.init.xavier_normal_(tk.empty(2)),
        lambda: nn.init.kaiming_normal_(tk.empty(2, 2), mode="fan"),
        lambda: nn.init.calculate_gain("cosine"),
        lambda: nn.init.orthogonal_(tk.empty(2)),
        lambda: nn.init.trunc_normal_(tk.empty(2), a=1, b=1),
    ):
        with pytest.raises(ValueError):
            bad()


# -- gradients of many parameters -----------------------------------------------------------------


def with_gradients(*arrays):
    params = []
    for a in arrays:
        p = nn.Parameter(tk.zeros(*np.shape(a)))
        p.grad = tk.tensor(np.asarray(a, np.float32))
        params.append(p)
    return params


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf, 0, -1.0, -math.inf])
def test_clip_grad_norm(order):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=5)]
    flat = np.concatenate([a.ravel() for a in arrays])
    norm = np.linalg.norm(flat, order)
    if order <= 0:
        norm = np.linalg.norm([np.linalg.norm(a.ravel(), order) for a in arrays], order)
    for limit in (norm / 3, norm * 3):
        params = with_gradients(*arrays)
        params.append(nn.Parameter(tk.zeros(2)))  # without a gradient
        got = nn.utils.clip_grad_norm_(iter(params), limit, norm_type=order)
        np.testing.assert_allclose(got.item(), norm, rtol=1e-5)
        factor = min(1.0, limit / (norm + 1e-6))
        for p, a in zip(params, arrays, strict=False):
            np.testing.assert_allclose(p.grad.numpy(), a * factor, rtol=1e-5)
        assert params[-1].grad is None


def test_clipping_edges():
    (p,) = with_gradients([np.nan, 1.0])
    with pytest.raises(RuntimeError, match="nan"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.tolist()[1] == 1
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.raises(ValueError, match="max_norm"):
        nn.utils.clip_grad_norm_(p, -1.0)
    with pytest.raises(ValueError, match="norm_type"):
        nn.utils.clip_grad_norm_(p, 1.0, norm_type=math.nan)
    assert nn.utils.clip_grad_norm_(with_gradients([0.0], [2.0, 0.0]), 1.0, norm_type=0).item() == 1
    assert list(nn.ModuleDict(modules={"a": nn.ReLU()})) == ["a"]
    assert list(nn.ParameterDict(parameters={"w": tk.ones(2)})) == ["w"]
    (q,) = with_gradients([-3.0, 0.5, 2.0])
    nn.utils.clip_grad_value_(q, 1.0)
    assert q.grad.tolist() == [-1, 0.5, 1]
    with pytest.raises(ValueError, match="clip_value"):
        nn.utils.clip_grad_value_(q, -1.0)


def test_vectors_of_parameters():
    m = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(m.parameters())
    assert vector.shape == (8,) and vector.requires_grad
    nn.utils.vector_to_parameters(tk.arange(8).float(), m.parameters())
    assert m.weight.tolist() == [[0, 1, 2], [3, 4, 5]] and m.bias.tolist() == [6, 7]
    with pytest.raises(ValueError, match="8 elements"):
        nn.utils.vector_to_parameters(tk.zeros(9), m.parameters())


@pytest.mark.parametrize("kind", [tk.int64, tk.int32], ids=str)
def test_labels_of_margins_out_of_range_are_refused(kind: tk.dtype) -> None:
    x = tk.randn(3, 4)
    for bad in (4, -1, -(2**31)):
        with pytest.raises(IndexError, match=f"multi_margin_loss: label {bad} is out of range"):
            F.multi_margin_loss(x, tk.tensor([0, 1, bad], dtype=kind))
    rows = [[0, 1, -1, 2], [3, 3, 3, 3]]
    for bad in (4, -2):  # behind the first -1 too
        with pytest.raises(IndexError, match=f"multilabel_margin_loss: label {bad} is out of"):
            F.multilabel_margin_loss(x, tk.tensor([*rows, [1, -1, 0, bad]], dtype=kind))


def test_long_rows_of_margins() -> None:
    x, classes = (
        np.random.default_rng(0).standard_normal((2, 5000)),
        [[4999, 0, 2500], [7, 4095, 4096]],
    )
    target = np.full((2, 5000), -1)
    target[:, :3] = classes
    a = tk.tensor(x, requires_grad=True)
    F.multilabel_margin_loss(a, tk.tensor(target), reduction="sum").backward()
    slopes = np.zeros_like(x)
    for row, labels, slope in zip(x, classes, slopes, strict=True):
        others = np.delete(np.arange(5000), labels)
        for t in labels:
            lacking = others[1 - row[t] + row[others] > 0]
            slope[lacking] += 1 / 5000
            slope[t] -= len(lacking) / 5000
    np.testing.assert_allclose(a.grad.numpy(), slopes, rtol=1e-12)


@pytest.mark.parametrize(
    "shape", [(4, 5, 6, 3), (3, 40, 7), (2, 3, 3, 2, 4), (5, 1, 1, 6)], ids=str
)
def test_batch_norm_of_channels_last(shape: tuple[int, ...]) -> None:
    """The result lies as the input does, and is that of the same numbers row by row."""
    back = (0, len(shape) - 1, *range(1, len(shape) - 1))
    last = tk.randn(*shape, dtype=tk.float64).permute(*back)
    weight, bias = (tk.randn(shape[-1], dtype=tk.float64, requires_grad=True) for _ in range(2))
    slope = tk.randn(*shape, dtype=tk.float64).permute(*back)
    found = []
    for x, g in ((last, slope), (last, slope.contiguous()), (last.contiguous(), slope)):
        x = x.detach().requires_grad_()
        mean, var = tk.zeros(shape[-1], dtype=tk.float64), tk.ones(shape[-1], dtype=tk.float64)
        y = F.batch_norm(x, mean, var, weight, bias, True)
        slopes = tk.autograd.grad(y, [x, weight, bias], g)
        assert y.stride() == x.stride()
        found.append([each.detach().numpy() for each in (y, mean, var, *slopes)])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def normalised_and_slopes(x, g, weight, bias, dims, rest):
    """By the formula: the result, and the gradients of x, weight and bias, summed over rest."""
    rstd = 1 / np.sqrt(x.var(dims, keepdims=True) + 1e-5)
    h, d = (x - x.mean(dims, keepdims=True)) * rstd, g * weight
    shared = d.mean(dims, keepdims=True) + h * (d * h).mean(dims, keepdims=True)
    return h * weight + bias, rstd * (d - shared), (g * h).sum(rest), g.sum(rest)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "shape",
    [
        *(
            (33, 6, 2, 2),
            (1, 4, 3),
            (70, 12, 3, 3),
            (5, 6, 7, 9),
            (3, 4, 300),
            (2, 6, 40, 41),
            (3, 4),
        ),
        (1, 80, 3, 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("groups", [1, 2, "each", "batch"])
def test_normalised_channels_against_the_formula(shape, groups, kind, isa, in_turn):
    """Channels of a few elements and of many, one after the other and side by side."""
    rng = np.random.default_rng(0)
    n, channels = shape[:2]
    count = {"each": channels, "batch": 1}.get(groups, groups)
    if (channels // count if groups != "batch" else n) * int(np.prod(shape[2:])) == 1:
        return
    x, g = rng.standard_normal((2, *shape))
    weight, bias = rng.standard_normal((2, channels))
    split = (n, count, channels // count, -1)
    dims = (0, 3) if groups == "batch" else (2, 3)
    pair = (each.reshape(1, count, channels // count, 1) for each in (weight, bias))
    exact = normalised_and_slopes(x.reshape(split), g.reshape(split), *pair, dims, (0, 3))
    last = (0, *range(2, len(shape)), 1)
    for lies_last in (False, True):
        bits = set()
        for _ in in_turn():
            a, b = (tk.from_numpy(each.astype(kind.numpy)) for each in (x, g))
            if lies_last:
                back = np.argsort(last)
                a, b = (each.permute(*last).contiguous().permute(*back) for each in (a, b))
            leaves = [
                a.requires_grad_(),
                tk.tensor(weight, dtype=kind),
                tk.tensor(bias, dtype=kind),
            ]
            leaves = [leaves[0], *(each.requires_grad_() for each in leaves[1:])]
            if groups == "batch":
                y = F.batch_norm(a, None, None, *leaves[1:], training=True)
            else:
                y = F.group_norm(a, count, *leaves[1:])
            found = [each.detach().numpy() for each in (y, *tk.autograd.grad(y, leaves, b))]
            bits.add(b"".join(each.tobytes() for each in found))
            assert y.stride() == a.stride()
        assert len(bits) == 1
        close = 1e-4 if kind is tk.float32 else 1e-11
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_allclose(one, other.reshape(one.shape), rtol=close, atol=20 * close)


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [(1100, 8), (600, 3), (513, 32), (64, 16), (1030, 10), (70, 33)])
def test_gradients_of_short_rows_against_the_formula(shape, kind, isa, in_turn):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, *shape))
    weight, bias = rng.standard_normal((2, shape[1]))
    exact = normalised_and_slopes(x, g, weight, bias, (1,), (0,))
    bits = set()
    for _ in in_turn():
        leaves = [tk.tensor(each, dtype=kind, requires_grad=True) for each in (x, weight, bias)]
        y = F.layer_norm(leaves[0], shape[1:], *leaves[1:])
        slopes = tk.autograd.grad(y, leaves, tk.tensor(g, dtype=kind))
        found = [each.detach().numpy() for each in (y, *slopes)]
        bits.add(b"".join(each.tobytes() for each in found))
    assert len(bits) == 1
    close = 1e-5 if kind is tk.float32 else 1e-13
    for one, other in zip(found, exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=close, atol=100 * close)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0), (0, 3, 0)])
def test_mean_losses_of_nothing_are_nan(shape: tuple[int, ...]) -> None:
    x, labels = tk.zeros(*shape).requires_grad_(), tk.zeros(shape[0], *shape[2:], dtype=tk.int64)
    for loss_of in (F.nll_loss, F.cross_entropy):
        loss = loss_of(x, labels)
        assert math.isnan(loss.item())
        assert tk.autograd.grad(loss, x)[0].shape == shape


@pytest.mark.parametrize("shape", [(64, 8, 7, 7), (64, 8, 8, 8), (640, 8), (5, 12, 40)])
@pytest.mark.parametrize(
    ("kind", "far"), [(tk.float32, 1e4), (tk.float64, 1e4), (tk.float64, 1e8)], ids=str
)
def test_variances_far_from_zero(shape: tuple[int, ...], kind: tk.dtype, far: float) -> None:
    """Means of many times the deviation cost no digits of it, however channels lie."""
    close = 2e-6 if kind is tk.float32 else 1e-11
    x = (far + np.random.default_rng(0).standard_normal(shape)).astype(kind.numpy)
    last = (0, *range(2, x.ndim), 1)
    dims, exact = (0, *range(2, x.ndim)), x.astype(np.float64)
    for a in (x, np.ascontiguousarray(x.transpose(last)).transpose(np.argsort(last))):
        found = tk.zeros(shape[1], dtype=kind)
        F.batch_norm(
            tk.from_numpy(a), tk.zeros(shape[1], dtype=kind), found, training=True, momentum=1.0
        )
        variance = exact.var(dims, ddof=1)
        np.testing.assert_allclose(found.numpy(), variance, rtol=close)
        if shape[0] < 100:
            y = F.group_norm(tk.from_numpy(a), 2, eps=0.0).numpy().astype(np.float64)
            spread = y.reshape(shape[0], 2, -1).std(-1)
            np.testing.assert_allclose(spread, 1, rtol=close)


@pytest.mark.parametrize("n", [1, 3, 16, 17, 63, 64, 65, 130, 513])
def test_rows_of_layer_norm_stand_for_themselves(n: int) -> None:
    """Rows are taken some at a time; each is what it is alone."""
    for kind in (tk.float32, tk.float64):
        x, weight = tk.randn(19, n, dtype=kind), tk.randn(n, dtype=kind)
        for f in (
            lambda x, w=weight: F.layer_norm(x, (n,), w),
            lambda x, w=weight: F.rms_norm(x, (n,), w),
        ):
            together = f(x).numpy()
            for r in range(19):
                assert (f(x[r : r + 1]).numpy() == together[r]).all()
