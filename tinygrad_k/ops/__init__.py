"""The op table. Importing it loads every declaration and attaches the methods to Tensor."""

from ..autograd import engine
from ..tensor import Tensor
from . import arithmetic, comparison, shape, transcendental
from .declare import COMPOSITES, OPS, Op

MODULES = (comparison, arithmetic, transcendental, shape)

engine.use_operations(OPS["add"].function, shape.sum_to, shape.convert)


def public_functions() -> dict[str, object]:
    """Every op and composite without a leading underscore, by name."""
    functions = {name: op.function for name, op in OPS.items() if not name.startswith("_")}
    return functions | COMPOSITES


for _name, _function in public_functions().items():
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, _function)

__all__ = ["COMPOSITES", "MODULES", "OPS", "Op", "public_functions"]
