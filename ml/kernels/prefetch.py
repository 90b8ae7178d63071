"""A hint to the processor, which numba does not offer itself."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

_NAME = "llvm.prefetch.p0"
_READ, _KEEP, _DATA = 0, 3, 1


def _prefetch(_: Any, array: Any, index: Any) -> Any:
    """prefetch(array, index) begins to load an item of a one-dimensional array that will be read soon.

    LLVM's llvm.prefetch, https://llvm.org/docs/LangRef.html#llvm-prefetch-intrinsic. Has no other effect,
    whatever the index.
    """
    return types.void(array, index), _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    function = builder.module.globals.get(_NAME) or ir.Function(builder.module, kind, _NAME)
    place = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
    builder.call(function, [place, word(_READ), word(_KEEP), word(_DATA)])
    return context.get_dummy_value()


prefetch: Any = intrinsic(_prefetch)
