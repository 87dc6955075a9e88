"""The small changes that `make mutate` makes to a module: comparisons, arithmetic, constants, branches, statements."""

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"max": "min", "min": "max", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
DROPPED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue, ast.Expr)
NOT_RUN = {"annotation", "returns", "decorator_list"}  # fields that no test can be asked about


class Mutant(NamedTuple):
    """The changed module, and where and how it was changed."""

    lines: tuple[int, ...]  # the changed line first, then those of the whole statement
    what: str
    part: str  # the changed top-level statement, whatever is around it
    source: str


class Spot(NamedTuple):
    """A node, by how its parent holds it."""

    parent: ast.AST
    field: str
    at: int | None  # in a list
    node: ast.AST
    place: str
    statement: ast.stmt

    def put(self, node: ast.AST) -> None:
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.at] = node


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    for top in tree.body:
        for spot in list(spots(top, tree)):
            for what, node in changes(spot):
                spot.put(ast.copy_location(node, spot.node))
                ast.fix_missing_locations(tree)
                line = getattr(spot.node, "lineno", spot.statement.lineno)
                lines = (line, *range(spot.statement.lineno, first_of_body(spot.statement) + 1))
                yield Mutant(lines, f"{spot.place}: {what}", ast.unparse(top), ast.unparse(tree))
                spot.put(spot.node)


def first_of_body(statement: ast.stmt) -> int:
    """The last line of a statement, without the statements in it."""
    body = getattr(statement, "body", None)
    return int(body[0].lineno - 1 if body else statement.end_lineno or statement.lineno)


def spots(top: ast.stmt, tree: ast.Module) -> Iterator[Spot]:
    """All nodes of a top-level statement but annotations, docstrings and what errors say."""
    yield from _below(Spot(tree, "body", tree.body.index(top), top, "module", top))


def _below(spot: Spot) -> Iterator[Spot]:
    node = spot.node
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
        return
    yield spot
    place = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else spot.place
    for field, value in ast.iter_fields(node):
        if field in NOT_RUN or (isinstance(node, ast.Raise) and field == "cause"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                statement = child if isinstance(child, ast.stmt) else spot.statement
                yield from _below(Spot(node, field, index, child, place, statement))


def _is_text(node: ast.AST) -> bool:
    """A docstring, or an error: its type and its words are for tests of messages."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or (isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error"))


def changes(spot: Spot) -> Iterator[tuple[str, Any]]:
    """What a node is replaced with, one at a time."""
    node = spot.node
    before = ast.unparse(node).splitlines()[0] if isinstance(node, ast.expr | ast.stmt) else ""
    made = list(CHANGES[type(node)](node)) if type(node) in CHANGES else []
    if isinstance(node, DROPPED) and not (isinstance(node, ast.AnnAssign) and node.value is None):
        made.append(ast.Pass())
    for after in made:
        ast.fix_missing_locations(ast.copy_location(after, node))
        yield f"{before}  ->  {ast.unparse(after).splitlines()[0]}", after


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for at, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield _with(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])


def _and_or(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for at in range(len(node.values)):
        rest = [*node.values[:at], *node.values[at + 1 :]]
        yield rest[0] if len(rest) == 1 else _with(node, values=rest)


def _sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _arithmetic(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())


def _either(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case str():
            yield ast.Constant("other")
        case bytes():
            yield ast.Constant(b"other")


def _call(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in CALLS:
        yield _with(node, func=ast.Name(CALLS[node.func.id], ast.Load()))


def _slice(node: ast.Slice) -> Iterator[ast.AST]:
    if node.lower:
        yield _with(node, lower=None)
    if node.upper:
        yield _with(node, upper=None)


def _comprehension(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Iterator[ast.AST]:
    for at, each in enumerate(node.generators):
        for which in range(len(each.ifs)):
            kept = _with(each, ifs=[*each.ifs[:which], *each.ifs[which + 1 :]])
            yield _with(node, generators=[*node.generators[:at], kept, *node.generators[at + 1 :]])


def _if(node: ast.If) -> Iterator[ast.AST]:
    yield _with(node, test=ast.Constant(value=True))
    yield _with(node, test=ast.Constant(value=False))


def _while(node: ast.While) -> Iterator[ast.AST]:
    yield _with(node, test=ast.Constant(value=False))


def _return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(None))


def _assign(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield ast.Assign([node.target], node.value)
    if type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())


CHANGES: dict[type[ast.AST], Callable[[Any], Iterator[ast.AST]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _and_or,
    ast.UnaryOp: _sign,
    ast.BinOp: _arithmetic,
    ast.IfExp: _either,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.Slice: _slice,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.If: _if,
    ast.While: _while,
    ast.Return: _return,
    ast.AugAssign: _assign,
    ast.Break: lambda _: iter([ast.Continue()]),
    ast.Continue: lambda _: iter([ast.Break()]),
}


def _with(node: ast.AST, **fields: Any) -> Any:
    """The same node with other fields; what is below is shared."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
