"""What a merge takes from its uses, or declares twice, in languages other than Python."""

from __future__ import annotations

import pytest

from orchestrator.structure.merge import merge_file
from tests.structure.three_ways import merged, refused

GAP = {
    "go": "\nfunc between() {\n\tprintln(1)\n\tprintln(2)\n\tprintln(3)\n}\n\n",
    "rs": "\nfn between() {\n    g(1);\n    g(2);\n    g(3);\n}\n\n",
    "java": "\n    void between() {\n        one();\n        two();\n        three();\n    }\n\n",
    "ts": "\nfunction between() {\n  a(1);\n  a(2);\n  a(3);\n}\n\n",
}
GAP["js"] = GAP["tsx"] = GAP["ts"]
OPEN = {"java": "class A {\n", "go": "package p\n\n"}
END = {"java": "}\n"}


def file(language: str, first: str, second: str) -> str:
    """Two places of one file, with what git needs between them to merge them by lines."""
    return f"{OPEN.get(language, '')}{first}{GAP[language]}{second}{END.get(language, '')}"


ORPHANS = [
    ("go", "func help() int { return 1 }\n", "func use() int {\n\treturn 2\n}\n", "2", "help()"),
    ("go", "const most = 3\n", "func use() int {\n\treturn 2\n}\n", "2", "most"),
    ("go", "type Cart struct{}\n", "func use(c any) {\n}\n", "any", "*Cart"),
    ("go", "var (\n\tone = 1\n)\n", "func use() {\n\tf(2)\n}\n", "2", "one"),
    ("rs", "fn help() -> i32 { 1 }\n", "fn run() -> i32 {\n    2\n}\n", "2", "help()"),
    ("rs", "const MOST: i32 = 3;\n", "fn run() -> i32 {\n    2\n}\n", "2", "MOST"),
    ("rs", "struct Cart;\n", "fn run(c: i32) {\n}\n", "i32", "Cart"),
    ("rs", "macro_rules! hop { () => {} }\n", "fn run() {\n    f(2)\n}\n", "f(2)", "hop!()"),
    ("rs", "fn help() -> i32 { 1 }\n", "fn run() {\n    say!(2);\n}\n", "2", "help(1)"),
    ("java", "    int help() { return 1; }\n", "    int use() {\n        return 2;\n    }\n", "2", "help()"),
    ("java", "    int most = 3;\n", "    int use() {\n        return 2;\n    }\n", "2", "most"),
    ("java", "    class Cart {}\n", "    void use(int c) {\n    }\n", "int", "Cart"),
    ("ts", "function help() { return 1; }\n", "export function run() {\n  return 2;\n}\n", "2", "help()"),
    ("ts", "const { most } = limits;\n", "export function run() {\n  return 2;\n}\n", "2", "most"),
    ("ts", "interface Cart {}\n", "export function run(c: any) {\n}\n", "any", "Cart"),
    ("js", "const help = () => 1;\n", "function run() {\n  return 2;\n}\n", "2", "{ help }"),
    ("tsx", "const Cart = () => 1;\n", "function run() {\n  return 2;\n}\n", "2", "<Cart />"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "definition", "user", "old", "new"), ORPHANS)
def test_a_use_of_what_the_other_side_removed(
    language: str, definition: str, user: str, old: str, new: str
) -> None:
    base = file(language, definition, user)
    removed = file(language, "", user)
    using = file(language, definition, user.replace(old, new))
    assert "is not defined" in refused(f"a.{language}", base, removed, using)


STANDING = [
    # The words of comments and strings, and the same names of other things.
    ("go", "func help() {}\n", "func use() {\n\tf(2)\n}\n", "2", '"help" /* help() */'),
    ("go", "func help() {}\n", "func use() {\n\tf(2)\n}\n", "2", "o.help()"),
    ("go", "func help() {}\n", "func use() {\n\tf(2)\n}\n", "2", "T{help: 1}"),
    ("go", "func help() {}\n", "func use() {\n\tf(2)\n}\n", "f(2)", "help := 1\n\tf(help)"),
    ("rs", "fn help() {}\n", "fn run() {\n    f(2)\n}\n", "2", "o.help()"),
    ("rs", "fn help() {}\n", "fn run() {\n    f(2)\n}\n", "2", "other::help()"),
    ("rs", "fn help() {}\n", "fn run() {\n    f(2)\n}\n", "2", '"help()"'),
    ("rs", "fn help() {}\n", "fn run() {\n    say!(2);\n}\n", "2", "o.help()"),
    ("rs", "fn help() {}\n", "fn run() {\n    f(2)\n}\n", "f(2)", "let help = 1; f(help)"),
    ("java", "    int help;\n", "    void use() {\n        f(2);\n    }\n", "2", "o.help"),
    ("java", "    int help() { return 1; }\n", "    void use() {\n        f(2);\n    }\n", "2", "o.help()"),
    ("java", "    int help;\n", "    void use() {\n        f(2);\n    }\n", "2", "help -> help"),
    ("ts", "function help() {}\n", "export function run() {\n  f(2);\n}\n", "2", "o.help()"),
    ("ts", "function help() {}\n", "export function run() {\n  f(2);\n}\n", "2", "{ help: 1 }"),
    ("ts", "function help() {}\n", "export function run() {\n  f(2);\n}\n", "2", "help => help"),
    ("ts", "function help() {}\n", "export function run() {\n  f(2);\n}\n", "2", "'help' /* help */"),
    ("tsx", "function help() {}\n", "function run() {\n  f(2);\n}\n", "2", "<a help={1} />"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "definition", "user", "old", "new"), STANDING)
def test_what_is_spelt_alike_is_merged(
    language: str, definition: str, user: str, old: str, new: str
) -> None:
    base = file(language, definition, user)
    text = merged(
        f"a.{language}",
        base,
        file(language, "", user),
        file(language, definition, user.replace(old, new)),
    )
    assert new in text
    assert definition not in text


def test_what_a_class_may_have_from_above_is_let_be() -> None:
    base = file("java", "    void help() {}\n", "    void use() {\n        one();\n    }\n")
    base = base.replace("class A", "class A extends B")
    sides = (
        base.replace("    void help() {}\n", ""),
        base.replace("        one();\n    }\n}", "        help();\n    }\n}"),
    )
    assert "help();" in merged("A.java", base, *sides)


TWICE = [
    ("go", "func same() {}\n", "func same() int { return 1 }\n"),
    ("go", "type Same struct{}\n", "type Same int\n"),
    ("go", "var same = 1\n", "const same = 2\n"),
    ("go", "type (\n\tA int\n\tSame int\n)\n", "func Same() {}\n"),
    ("go", "func (c *Cart) Same() {}\n", "func (x Cart) Same() int { return 1 }\n"),
    ("rs", "struct Same;\n", "enum Same { A }\n"),
    ("rs", "const SAME: i32 = 1;\n", "static SAME: i32 = 2;\n"),
    ("rs", "type Same = i32;\n", "trait Same {}\n"),
    ("rs", "impl Cart {\n    fn same(&self) {}\n}\n", "impl Cart {\n    fn same(&self) -> i32 { 1 }\n}\n"),
    ("java", "    int same;\n", "    String same = null;\n"),
    ("java", "    void same(int a) {}\n", "    int same(int b) { return 1; }\n"),
    ("java", "    void same(List<A> a) {}\n", "    void same(List<B> b) { }\n"),
    ("java", "    class Same {}\n", "    enum Same { A }\n"),
    ("java", "    A(int a) {}\n", "    A(final int b) { }\n"),
    ("ts", "export const same = 1;\n", "export function same() {}\n"),
    ("ts", "export default one;\n", "export default two;\n"),
    ("ts", "export { one as same };\n", "export const same = 2;\n"),
    ("ts", "type Same = 1;\n", "type Same = 2;\n"),
    ("js", "const same = 1;\n", "class same {}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "one", "other"), TWICE)
def test_one_thing_declared_far_apart(language: str, one: str, other: str) -> None:
    base, left, right = file(language, "", ""), file(language, one, ""), file(language, "", other)
    said = refused(f"A.{language}", base, left, right)
    assert "twice" in said or "both" in said


MEMBERS = [
    ("go", "type T struct {", "\tf{} int", "}"),
    ("go", "type T interface {", "\tF{}()", "}"),
    ("rs", "struct T {", "    f{}: i32,", "}"),
    ("rs", "enum T {", "    F{},", "}"),
    ("java", "enum T {", "    F{},", "}"),
    ("java", "class T {", "    int f{};", "}"),
    ("ts", "enum T {", "  F{},", "}"),
    ("ts", "interface T {", "  f{}: number;", "}"),
    ("ts", "type T = {", "  f{}: number;", "}"),
    ("ts", "class T {", "  f{} = 1;", "}"),
    ("ts", "const t = {", "  f{}: 1,", "};"),
]


@pytest.mark.parametrize(("language", "head", "member", "end"), MEMBERS)
def test_one_member_far_apart(language: str, head: str, member: str, end: str) -> None:
    def written(*names: object) -> str:
        lines = [member.replace("{}", str(name)) for name in names]
        return "\n".join([OPEN.get("go", "") if language == "go" else "", head, *lines, end, ""])

    base = written(1, 2, 3, 4, 5, 6)
    sides = written("x", 1, 2, 3, 4, 5, 6), written(1, 2, 3, 4, 5, 6, "x")
    result = merge_file(f"A.{language}", base.encode(), *(side.encode() for side in sides))
    assert result.content is None or result.content.decode() in sides
    others = written("y", 1, 2, 3, 4, 5, 6), written(1, 2, 3, 4, 5, 6, "z")
    merged(f"A.{language}", base, *others)


BESIDE = [
    ("go", "func init() { one() }\n", "func init() { two() }\n"),
    ("go", "func (c *Cart) Same() {}\n", "func (c *Bag) Same() {}\n"),
    ("go", "var _ A = B{}\n", "var _ C = D{}\n"),
    ("rs", "struct Same;\n", "fn Same() {}\n"),
    ("rs", "#[cfg(unix)]\nfn same() {}\n", "#[cfg(windows)]\nfn same() { g(4) }\n"),
    ("rs", "impl A for Cart {\n    fn same(&self) {}\n}\n", "impl B for Cart {\n    fn same(&self) {}\n}\n"),
    ("rs", "mod a {\n    fn same() {}\n}\n", "mod b {\n    fn same() {}\n}\n"),
    ("java", "    void same(int a) {}\n", "    void same(String a) {}\n"),
    ("java", "    int same;\n", "    int same() { return 1; }\n"),
    ("ts", "export type Same = 1;\n", "export const Same = 2;\n"),
    ("ts", "class A {\n  get same() { return 1; }\n}\n", "class B {\n  set same(x) {}\n}\n"),
    ("ts", "interface Same {\n  a: 1;\n}\n", "const Same = 1;\n"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "one", "other"), BESIDE)
def test_what_may_stand_side_by_side(language: str, one: str, other: str) -> None:
    base, left, right = file(language, "", ""), file(language, one, ""), file(language, "", other)
    text = merged(f"A.{language}", base, left, right)
    assert one in text
    assert other in text
