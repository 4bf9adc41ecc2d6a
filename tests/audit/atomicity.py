"""What the text of the code shows of transactions: who changes rows, who writes entries, and whether both are one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOORS = ("audit.log", "audit.append", "audit.transition")
CHANGING = ("update", "create", "bulk_create", "delete", "erase", "save", "get_or_create", "update_or_create")


@dataclass
class Function:
    """A function, what it calls as it is written, and which of it no transaction of its own goes around."""

    name: str
    calls: set[str]
    outside: set[str]

    @classmethod
    def of(cls, node: ast.FunctionDef) -> Function:
        calls = {id(each): ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
        if any("atomic" in ast.unparse(each) for each in node.decorator_list):
            return cls(node.name, set(calls.values()), set())
        blocks = [each for each in ast.walk(node) if isinstance(each, ast.With) and _is_transaction(each)]
        within = {id(call) for block in blocks for each in block.body for call in ast.walk(each)}
        return cls(node.name, set(calls.values()), {name for key, name in calls.items() if key not in within})

    def calls_one_named(self, name: str, *, outside: bool = False) -> bool:
        """Whether it calls something of a name, in a transaction of its own or not."""
        return any(call.rpartition(".")[2] == name for call in (self.outside if outside else self.calls))


def modules_of(root: Path) -> list[Module]:
    """The modules below a folder but for the audit's own; each knows which functions of others write entries."""
    modules = [Module(path) for path in sorted(root.rglob("*.py")) if path.parent != root / "audit"]
    is_news = True
    while is_news:
        told = set().union(*(module.told_by for module in modules))
        is_news = sum(module.learn(told) for module in modules) > 0
    return modules


@dataclass
class Module:
    """The functions of a file, and the events it names; ``telling`` are those that write an entry, if by another."""

    path: Path
    functions: list[Function] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    telling: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for node in ast.walk(ast.parse(self.path.read_text())):
            if isinstance(node, ast.FunctionDef):
                self.functions.append(Function.of(node))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Event":
                self.events.add(node.attr)
        self.learn(set())

    @property
    def told_by(self) -> set[str]:
        """Functions that others may import and that write entries; what the framework calls has everybody's name."""
        own = {one.name for one in self.functions} & self.telling
        return {name for name in own if not name.startswith("_")} - {"act", "get", "handle", "post", "run"}

    def learn(self, names: set[str]) -> bool:
        """Take in which functions of other modules write entries, and so which here do; whether that is news."""
        before = len(self.telling)
        self.telling |= {call for one in self.functions for call in one.calls} & names
        while more := {one.name for one in self.functions if any(map(self._tells, one.calls))} - self.telling:
            self.telling |= more
        return len(self.telling) > before

    def loose(self, modules: list[Module]) -> Iterator[str]:
        """Functions that change rows and tell of it, not in one transaction, and are called without one, too."""
        for one in self.functions:
            acts = any(map(_changes, one.calls)) and any(map(self._tells, one.calls))
            is_split = any(_changes(call) or self._tells(call) for call in one.outside)
            if acts and is_split and not self._is_called_within_one(one.name, modules, seen=set()):
                yield one.name

    def _is_called_within_one(self, name: str, modules: list[Module], *, seen: set[str]) -> bool:
        """Whether every call of a function, of which there is one, is within a transaction of a caller, however far."""
        callers = [
            (module, other)
            for module in ([self] if name.startswith("_") else modules)
            for other in module.functions
            if other.calls_one_named(name) and other.name not in seen
        ]
        return bool(callers) and all(
            not other.calls_one_named(name, outside=True)
            or module._is_called_within_one(other.name, modules, seen={*seen, name})
            for module, other in callers
        )

    def _tells(self, call: str) -> bool:
        return call in DOORS or call.removeprefix("self.") in self.telling


def _changes(call: str) -> bool:
    before, _dot, called = call.rpartition(".")
    return bool(before) and called in CHANGING


def _is_transaction(block: ast.With) -> bool:
    return any("atomic" in ast.unparse(item.context_expr) for item in block.items)
