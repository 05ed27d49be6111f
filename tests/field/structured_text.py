"""Runs IEC 61131-3 Structured Text as a PLC does: parsed by blark, checked for types as a compiler checks, then cycled.

Only what our programs use: functions, function blocks and programs; BOOL, WORD, INT, UINT, REAL; IF, CASE, assignments
and calls. Stricter than most compilers: no conversion is implied, no literal is negated, inputs, outputs of others and
constants are not assigned to, every input of a call is given. Anything else is refused by name.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blark import transform as tree
from blark.parse import parse_source_code

Env = dict[str, Any]
Code = Callable[[Env], Any]
ZERO = {"BOOL": False, "WORD": 0, "INT": 0, "UINT": 0, "REAL": 0.0}
RANGE = {"INT": (-32768, 32767), "UINT": (0, 65535), "WORD": (0, 65535)}
ANY_INT = "integer literal"
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
STANDARD: dict[str, tuple[int, Callable[..., float]]] = {
    "LIMIT": (3, lambda low, value, high: min(max(value, low), high)),
    "MIN": (2, min),
    "MAX": (2, max),
    "ABS": (1, abs),
    "EXP": (1, math.exp),
}
ROLES = {
    tree.InputDeclarations: "input",
    tree.OutputDeclarations: "output",
    tree.LocatedVariableDeclarations: "located",
    tree.VariableDeclarations: "local",
    tree.FunctionVariableDeclarations: "local",
}


class StError(Exception):
    """What a compiler would refuse."""


def single(value: float) -> float:
    """A REAL has 32 bits."""
    result: float = struct.unpack("f", struct.pack("f", value))[0]
    return result


@dataclass(frozen=True)
class Variable:
    name: str
    type: str
    role: str
    initial: Any
    location: str | None = None


class Pou:
    """A function, function block or program: its variables, and its body once compiled."""

    def __init__(self, item: Any) -> None:
        self.name = str(item.name)
        self.kind = type(item).__name__
        self.statements = item.body.statements if item.body else []
        self.variables: dict[str, Variable] = {}
        for block in item.declarations:
            self._declare(block)
        if self.kind == "Function":
            self._add(Variable(self.name, str(item.return_type.type.type), "result", None))
        self.body: list[Code] = []

    def _declare(self, block: Any) -> None:
        role = ROLES.get(type(block))
        if role is None:
            raise StError(f"{self.name}: {type(block).__name__}")
        if block.attrs is not None and "constant" in repr(block.attrs):
            role = "constant"
        for item in block.items:
            kind, initial = str(item.init.spec.type), _initial(item.init.value)
            if isinstance(item, tree.LocatedVariableDeclaration):
                self._add(
                    Variable(str(item.name.name), kind, role, initial, f"{item.location}".partition("%")[2])
                )
                continue
            for declared in item.variables:
                self._add(Variable(str(declared.variable.name), kind, role, initial))

    def _add(self, variable: Variable) -> None:
        key = variable.name.lower()
        if key in self.variables:
            raise StError(f"{self.name}: {variable.name} is declared twice")
        if variable.initial is not None and variable.type in RANGE:
            _in_range(variable.type, variable.initial)
        self.variables[key] = variable


def _initial(value: Any) -> Any:
    if value is None:
        return None
    text = str(value).replace(" ", "")
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    return single(float(text)) if "." in text else int(text)


def _in_range(kind: str, value: Any) -> Any:
    low, high = RANGE[kind]
    if not low <= value <= high:
        raise StError(f"{value} is no {kind}")
    return value


class Plc:
    """A program with its function blocks, compiled; cycled by :meth:`cycle`.

    Parameters
    ----------
    source : str
        POUs, without a CONFIGURATION (which blark does not know).
    program : str
        Which of them is run.

    Raises
    ------
    StError
        What a compiler would refuse.
    """

    def __init__(self, source: str, program: str) -> None:
        parsed = parse_source_code(source)
        if parsed.exception is not None:
            raise StError(str(parsed.exception))
        self.pous: dict[str, Pou] = {}
        for item in parsed.transform().items:
            pou = Pou(item)
            if pou.name.lower() in self.pous:
                raise StError(f"{pou.name} is declared twice")
            self.pous[pou.name.lower()] = pou
        for pou in self.pous.values():
            pou.body = [self._statement(pou, statement) for statement in pou.statements]
        self.program = self.pous[program.lower()]
        self.env: Env = {}
        self.power_up()

    def power_up(self) -> None:
        """All variables at their initial values."""
        self.env = self._new(self.program)

    def cycle(self) -> None:
        for code in self.program.body:
            code(self.env)

    def get(self, name: str) -> Any:
        return self.env[name.lower()]

    def put(self, name: str, value: Any) -> None:
        """Write a located variable, as a master does."""
        variable = self.program.variables[name.lower()]
        assert variable.location is not None
        self.env[name.lower()] = _in_range(variable.type, value)

    def _new(self, pou: Pou) -> Env:
        env: Env = {}
        for key, variable in pou.variables.items():
            block = self.pous.get(variable.type.lower())
            if block is not None:
                env[key] = self._new(block)
            else:
                env[key] = ZERO[variable.type] if variable.initial is None else variable.initial
        return env

    # Statements.

    def _statement(self, pou: Pou, item: Any) -> Code:
        if isinstance(item, tree.AssignmentStatement):
            return self._assignment(pou, item)
        if isinstance(item, tree.FunctionCallStatement):
            return self._block_call(pou, item)
        if isinstance(item, tree.IfStatement):
            return self._if(pou, item)
        if isinstance(item, tree.CaseStatement):
            return self._case(pou, item)
        raise StError(f"{pou.name}: {type(item).__name__}")

    def _list(self, pou: Pou, items: Any) -> list[Code]:
        return [self._statement(pou, item) for item in items.statements] if items is not None else []

    def _assignment(self, pou: Pou, item: Any) -> Code:
        (target,) = item.variables
        if not isinstance(target, tree.SimpleVariable):
            raise StError(f"{pou.name}: assignment to {target}: a part of another block")
        variable = self._variable(pou, str(target.name))
        if variable.role in ("input", "constant"):
            raise StError(f"{pou.name}: assignment to the {variable.role} {variable.name}")
        code = self._as(variable.type, pou, item.expression)
        key = variable.name.lower()

        def run(env: Env) -> None:
            env[key] = code(env)

        return run

    def _if(self, pou: Pou, item: Any) -> Code:
        branches = [(self._as("BOOL", pou, item.if_expression), self._list(pou, item.statements))]
        branches += [
            (self._as("BOOL", pou, each.if_expression), self._list(pou, each.statements))
            for each in item.else_ifs
        ]
        otherwise = self._list(pou, item.else_clause.statements) if item.else_clause else []

        def run(env: Env) -> None:
            chosen = next((codes for condition, codes in branches if condition(env)), otherwise)
            for code in chosen:
                code(env)

        return run

    def _case(self, pou: Pou, item: Any) -> Code:
        kind, selector = self._expression(pou, item.expression)
        if kind not in ("INT", "UINT"):
            raise StError(f"{pou.name}: CASE of a {kind}")
        cases = {
            _in_range(kind, int(str(match))): self._list(pou, case.statements)
            for case in item.cases
            for match in case.matches
        }

        def run(env: Env) -> None:
            for code in cases.get(selector(env), ()):
                code(env)

        return run

    def _block_call(self, pou: Pou, item: Any) -> Code:
        instance = self._variable(pou, str(item.name))
        block = self.pous.get(instance.type.lower())
        if block is None or block.kind != "FunctionBlock":
            raise StError(f"{pou.name}: {item.name} is no function block")
        given = {str(each.name.name).lower(): each.value for each in item.parameters}
        inputs = {key: each for key, each in block.variables.items() if each.role == "input"}
        if given.keys() != inputs.keys():
            raise StError(f"{pou.name}: {item.name}: inputs {sorted(given.keys() ^ inputs.keys())}")
        codes = [(key, self._as(each.type, pou, given[key])) for key, each in inputs.items()]
        name = instance.name.lower()

        def run(env: Env) -> None:
            inner = env[name]
            inner.update({key: code(env) for key, code in codes})
            for code in block.body:
                code(inner)

        return run

    # Expressions: the type, and what gives the value.

    def _variable(self, pou: Pou, name: str) -> Variable:
        if name.lower() not in pou.variables:
            raise StError(f"{pou.name}: {name} is not declared")
        return pou.variables[name.lower()]

    def _as(self, kind: str, pou: Pou, item: Any) -> Code:
        """Compile to this type and no other; an integer literal fits an integer type that holds it."""
        got, code = self._expression(pou, item)
        if got == ANY_INT and kind in ("INT", "UINT"):
            _in_range(kind, code({}))
        elif got != kind:
            raise StError(f"{pou.name}: {item}: a {got} where a {kind} belongs")
        return code

    def _expression(self, pou: Pou, item: Any) -> tuple[str, Code]:
        if isinstance(item, tree.ParenthesizedExpression):
            return self._expression(pou, item.expr)
        if isinstance(item, tree.BinaryOperation):
            return self._binary(pou, item)
        if isinstance(item, tree.UnaryOperation):
            return self._unary(pou, item)
        if isinstance(item, tree.FunctionCall):
            return self._call(pou, item)
        if isinstance(item, tree.SimpleVariable):
            variable = self._variable(pou, str(item.name))
            key = variable.name.lower()
            return variable.type, lambda env: env[key]
        if isinstance(item, tree.MultiElementVariable):
            return self._part(pou, item)
        return _literal(item)

    def _part(self, pou: Pou, item: Any) -> tuple[str, Code]:
        instance = self._variable(pou, str(item.name))
        (selector,) = item.elements
        part = self._variable(self.pous[instance.type.lower()], str(selector.field))
        if part.role != "output":
            raise StError(f"{pou.name}: {item}: not an output")
        name, field = instance.name.lower(), part.name.lower()
        return part.type, lambda env: env[name][field]

    def _pair(self, pou: Pou, item: Any) -> tuple[str, Code, Code]:
        left, right = self._expression(pou, item.left)[0], self._expression(pou, item.right)[0]
        kind = right if left == ANY_INT else left
        return kind, self._as(kind, pou, item.left), self._as(kind, pou, item.right)

    def _binary(self, pou: Pou, item: Any) -> tuple[str, Code]:
        op = str(item.op).upper()
        kind, a, b = self._pair(pou, item)
        if op in COMPARE and (kind in ("INT", "UINT", "REAL") or op in ("=", "<>")):
            compare = COMPARE[op]
            return "BOOL", lambda env: compare(a(env), b(env))
        if op in ARITHMETIC and kind == "REAL":
            compute = ARITHMETIC[op]
            return "REAL", lambda env: single(compute(a(env), b(env)))
        if op in ("AND", "OR") and kind in ("BOOL", "WORD"):
            # As in PLCs, both sides are evaluated.
            return kind, (lambda env: a(env) & b(env)) if op == "AND" else (lambda env: a(env) | b(env))
        raise StError(f"{pou.name}: {item}: {op} of {kind}")

    def _unary(self, pou: Pou, item: Any) -> tuple[str, Code]:
        kind, code = self._expression(pou, item.expr)
        if str(item.op).upper() == "NOT" and kind == "BOOL":
            return kind, lambda env: not code(env)
        if str(item.op) == "-" and kind == "REAL":
            return kind, lambda env: -code(env)
        raise StError(f"{pou.name}: {item}: {item.op} of {kind}")

    def _call(self, pou: Pou, item: Any) -> tuple[str, Code]:
        name = str(item.name).upper()
        arguments = [each.value for each in item.parameters]
        if name in STANDARD:
            count, compute = STANDARD[name]
            codes = [self._as("REAL", pou, each) for each in arguments]
            if len(codes) != count:
                raise StError(f"{pou.name}: {item}: {count} arguments")
            return "REAL", lambda env: single(compute(*(code(env) for code in codes)))
        conversion = re.fullmatch(r"(INT|UINT|REAL)_TO_(INT|UINT|REAL)", name)
        if conversion:
            return self._convert(pou, *conversion.groups(), arguments)
        return self._own_function(pou, name.lower(), arguments)

    def _convert(self, pou: Pou, source: str, target: str, arguments: list[Any]) -> tuple[str, Code]:
        (argument,) = arguments
        code = self._as(source, pou, argument)
        if target == "REAL":
            return target, lambda env: single(code(env))
        return target, lambda env: _in_range(target, round(code(env)))

    def _own_function(self, pou: Pou, name: str, arguments: list[Any]) -> tuple[str, Code]:
        function = self.pous.get(name)
        if function is None or function.kind != "Function":
            raise StError(f"{pou.name}: {name} is no function")
        inputs = [each for each in function.variables.values() if each.role == "input"]
        codes = [
            (each.name.lower(), self._as(each.type, pou, argument))
            for each, argument in zip(inputs, arguments, strict=True)
        ]

        def run(env: Env) -> Any:
            inner = self._new(function)
            inner.update({key: code(env) for key, code in codes})
            for code in function.body:
                code(inner)
            return inner[name]

        return function.variables[name].type, run


def _literal(item: Any) -> tuple[str, Code]:
    value: Any
    if isinstance(item, tree.Boolean):
        value = str(item.value).upper() == "TRUE"
        return "BOOL", lambda env: value
    if isinstance(item, tree.Real):
        value = single(float(str(item.value)))
        return "REAL", lambda env: value
    if isinstance(item, tree.HexBitString) and str(item.type_name).upper() == "WORD":
        value = int(str(item.value), 16)
        return "WORD", lambda env: value
    if isinstance(item, tree.Integer) and item.type_name is None:
        value = int(str(item.value))
        return ANY_INT, lambda env: value
    raise StError(f"{item}: {type(item).__name__}")
