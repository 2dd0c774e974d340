"""Machine code that tries many tails of a message at once, one in each lane of a vector.

Made by LLVM for the processor it runs on, through llvmlite: the only module that imports it, and
the only extra of this project's. One lane is one message; all lanes take the same steps, so every
step is one instruction on a vector of 32-bit words. Only one word or two differ between lanes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, Final

from llvmlite import binding, ir

from . import sha256

Scan = Callable[..., int]
"""(block, later, count, word, shift, tails, start, stop, limit) -> position, or `NONE`.

`block`: 16 words, in which the four bytes of the tail are zero. They begin in `word`, `shift` bits
from its highest. `later`: for each of `count` blocks behind it, 64 words of its schedule with K
added. `tails`: what to put in, a word each; of those from `start` on, the first one is answered
with which the first word of the hash is `limit` at most. Looks past `stop`, by less than `LANES`.
"""

NONE: Final = 0xFFFFFFFF

_I1: Final = ir.IntType(1)
_I32: Final = ir.IntType(32)
_WORDS: Final = _I32.as_pointer()


def lanes(features: dict[str, bool]) -> int:
    """How many lanes suit a processor: more would not fit its registers."""
    return 16 if features.get("avx512f") else 8 if features.get("avx2") else 4


LANES: Final = lanes(binding.get_host_cpu_features())


class _Vectors:
    """The arithmetic of vectors, as instructions written at the end of a function."""

    def __init__(self, module: ir.Module, builder: ir.IRBuilder, lanes: int) -> None:
        self.type = ir.VectorType(_I32, lanes)
        self.lanes = lanes
        self.builder = builder
        kind = ir.FunctionType(self.type, [self.type] * 3)
        self._funnel = ir.Function(module, kind, f"llvm.fshr.v{lanes}i32")

    def constant(self, word: int) -> Any:
        return ir.Constant(self.type, [word] * self.lanes)

    def spread(self, word: Any) -> Any:
        """The same word in every lane."""
        nothing = ir.Constant(self.type, ir.Undefined)
        single = self.builder.insert_element(nothing, word, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(single, nothing, self.constant(0))

    def add(self, *words: Any) -> Any:
        return reduce(self.builder.add, words)

    def xor(self, *words: Any) -> Any:
        return reduce(self.builder.xor, words)

    def both(self, one: Any, other: Any) -> Any:
        return self.builder.and_(one, other)

    def rotate(self, word: Any, bits: int) -> Any:
        return self.builder.call(self._funnel, [word, word, self.constant(bits)])

    def shift(self, word: Any, bits: int) -> Any:
        return self.builder.lshr(word, self.constant(bits))


class _Writer:
    """Writes the function `scan` into a module."""

    def __init__(self, module: ir.Module, lanes: int) -> None:
        kind = ir.FunctionType(_I32, [_WORDS, _WORDS, _I32, _I32, _I32, _WORDS, _I32, _I32, _I32])
        self.function = ir.Function(module, kind, "scan")
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.vectors = _Vectors(module, self.builder, lanes)
        (self.block, self.later, self.count, self.word, self.shift,
         self.tails, self.start, self.stop, self.limit) = self.function.args  # fmt: skip

    def write(self) -> None:
        build, on = self.builder, self.vectors
        put_tail = self._prepare_block()
        limit = on.spread(self.limit)
        entry = build.block
        names = ("next", "try", "found", "missed", "none")
        next_, try_, found, missed, none = map(self.function.append_basic_block, names)
        build.branch(next_)

        build.position_at_end(next_)
        at = build.phi(_I32)
        at.add_incoming(self.start, entry)
        build.cbranch(build.icmp_unsigned("<", at, self.stop), try_, none)

        build.position_at_end(try_)
        first = on.builder.icmp_unsigned("<=", self._hash(put_tail(at)), limit)
        hits = build.bitcast(first, ir.IntType(on.lanes))
        build.cbranch(build.icmp_unsigned("!=", hits, hits.type(0)), found, missed)

        build.position_at_end(missed)
        at.add_incoming(build.add(at, _I32(on.lanes)), missed)
        build.branch(next_)

        build.position_at_end(found)
        lane = build.zext(build.cttz(hits, _I1(1)), _I32)
        build.ret(build.add(at, lane))
        build.position_at_end(none)
        build.ret(_I32(NONE))

    def _prepare_block(self) -> Callable[[Any], list[Any]]:
        """Lay the block out, a vector for each word; answers how to put tails into it."""
        build, on = self.builder, self.vectors
        laid = build.alloca(on.type, 16)
        places = [build.gep(laid, [_I32(number)]) for number in range(16)]
        for number, place in enumerate(places):
            build.store(on.spread(build.load(build.gep(self.block, [_I32(number)]))), place)
        high = build.gep(laid, [self.word])
        low = build.gep(laid, [build.add(self.word, _I32(1))])
        around_high = build.load(high)
        right, left = on.spread(self.shift), on.spread(build.sub(_I32(32), self.shift))
        crosses = build.icmp_unsigned("!=", self.shift, _I32(0))
        around_low = on.spread(self._word_behind(crosses))

        def put(at: Any) -> list[Any]:
            tails = build.load(
                build.bitcast(build.gep(self.tails, [at]), on.type.as_pointer()), align=4
            )
            build.store(build.or_(around_high, build.lshr(tails, right)), high)
            with build.if_then(crosses):
                build.store(build.or_(around_low, build.shl(tails, left)), low)
            return [build.load(place) for place in places]

        return put

    def _word_behind(self, crosses: Any) -> Any:
        """The word behind the tail's first one, where the tail reaches into it. Else any."""
        build = self.builder
        number = build.select(crosses, build.add(self.word, _I32(1)), _I32(0))
        return build.load(build.gep(self.block, [number]))

    def _hash(self, block: Sequence[Any]) -> Any:
        """The first word of the hash, in every lane."""
        build, on = self.builder, self.vectors
        words = zip(sha256.schedule(block, on), sha256.K, strict=True)
        initial = [on.constant(word) for word in sha256.INITIAL]
        state = sha256.compress(initial, (on.add(w, on.constant(k)) for w, k in words), on)
        before = build.block
        more, done = map(self.function.append_basic_block, ("later", "hashed"))
        build.cbranch(build.icmp_unsigned("==", self.count, _I32(0)), done, more)

        build.position_at_end(more)
        number = build.phi(_I32)
        number.add_incoming(_I32(0), before)
        carried = [build.phi(on.type) for _ in state]
        after = sha256.compress(carried, self._later_words(number), on)
        for phi, old, new in zip(carried, state, after, strict=True):
            phi.add_incoming(old, before)
            phi.add_incoming(new, more)
        following = build.add(number, _I32(1))
        number.add_incoming(following, more)
        build.cbranch(build.icmp_unsigned("<", following, self.count), more, done)

        build.position_at_end(done)
        first = build.phi(on.type)
        first.add_incoming(state[0], before)
        first.add_incoming(after[0], more)
        return first

    def _later_words(self, number: Any) -> Iterator[Any]:
        build = self.builder
        words = build.gep(self.later, [build.mul(number, _I32(64))])
        for at in range(64):
            yield self.vectors.spread(build.load(build.gep(words, [_I32(at)])))


def compile_scan() -> tuple[Scan, object]:
    """The function for this processor, and what must live as long as it does. Takes about 0.4 s.

    Calls to it let other threads run.
    """
    module = ir.Module()
    _Writer(module, LANES).write()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        jit=True,
    )
    engine = binding.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    word, words = ctypes.c_uint32, ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(word, words, words, word, word, word, words, word, word, word)
    return kind(engine.get_function_address("scan")), engine
