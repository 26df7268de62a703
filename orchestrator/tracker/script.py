"""The shell script that publishes a mission, for whoever wants to read it before it is run.

It does what `issues publish` does, through `gh api` alone, and finds what it made by the same marks:
either may be run after the other. Links that a server does not have stay in the texts.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from orchestrator.mission.model import Mission
from orchestrator.tracker.gh import Slug
from orchestrator.tracker.marks import marked
from orchestrator.tracker.outline import Item, outline
from orchestrator.tracker.publishing import colour_of, decomposition

_HEAD = r"""#!/usr/bin/env bash
# The issues of mission {mission}, in {slug}: {count} of them.
# Written by `orchestrate issues publish --script`. Read it, change it, then: bash THIS
# Run again, it renews what it made and makes nothing twice: a mark in each body leads it there.
set -euo pipefail

REPO={repo}
export GH_PROMPT_DISABLED=1 GH_PAGER=cat{host}

green='' yellow='' red='' plain=''
if [ -t 1 ] && [ -z "${{NO_COLOR:-}}" ]; then
    green=$'\e[32m' yellow=$'\e[33m' red=$'\e[31m' plain=$'\e[0m'
fi
say() {{ printf '%s%s%s\n' "$green" "$*" "$plain"; }}
note() {{ printf '%s%s%s\n' "$yellow" "$*" "$plain"; }}
fail() {{ printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }}

# -- gh, login, repository, rights --------------------------------------------------------------------
command -v gh >/dev/null || fail 'there is no gh here: https://cli.github.com'
about=$(gh api "repos/$REPO" --jq '[.archived, .has_issues, (.permissions.pull // false),
    ((.permissions.triage // false) or (.permissions.push // false) or (.permissions.admin // false))]
    | map(tostring) | join(" ")') || fail "$REPO cannot be read: is it the name, and are you logged in (gh auth login)?"
case $about in
    true*) fail "$REPO is archived" ;;
    'false false'*) fail "$REPO has issues switched off" ;;
    *'true false') fail "your login may read $REPO but not label or link its issues" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# -- what is there ------------------------------------------------------------------------------------
gh api --paginate "repos/$REPO/labels?per_page=100" --jq '.[].name' >"$work/labels"
gh api --paginate "repos/$REPO/issues?state=all&labels=orchestrate&per_page=100" --jq '.[]
    | select(.pull_request == null)
    | [.number, .id, ((.body // "") | capture("<!-- orchestrate (?<facts>[{{].*?[}}]) -->").facts)]
    | map(tostring) | join("\t")' >"$work/known"
: >"$work/made" # key, number, id
: >"$work/refs.sed"

label() {{ # name, colour
    grep -Fxqi -- "$1" "$work/labels" && return
    gh api "repos/$REPO/labels" -f name="$1" -f color="$2" --silent
    say "label    $1"
}}
number_of() {{ awk -F'\t' -v key="$1" '$1 == key {{ print $2 }}' "$work/made"; }}
id_of() {{ awk -F'\t' -v key="$1" '$1 == key {{ print $3 }}' "$work/made"; }}
is_mine() {{ # the facts of a mark: those of this mission and key
    awk -F'\t' -v one="$1" -v key="$2" 'index($3, one) && index($3, key) {{ print $1 "\t" $2 }}' "$work/known" |
        sort -n | head -n 1
}}
ensure() {{ # key, title, file of its body, labels
    local key=$1 title=$2 body=$3 found
    shift 3
    found=$(is_mine '"mission": "{mission}"' "\"key\": \"$key\"")
    if [ -z "$found" ]; then
        sed -f "$work/refs.sed" -e 's|@@[^@]*@@|(to be made)|g' "$body" >"$work/first"
        local labels=()
        for name in "$@"; do labels+=(-f "labels[]=$name"); done
        found=$(gh api "repos/$REPO/issues" -f title="$title" -F body=@"$work/first" "${{labels[@]}}" \
            --jq '[.number, .id] | map(tostring) | join("\t")')
        say "create   #${{found%%$'\t'*}}  $title"
    fi
    remember "$key" "${{found%%$'\t'*}}" "${{found##*$'\t'}}"
}}
remember() {{ # key, number, id
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/made"
    printf 's|@@%s@@|#%s|g\n' "${{1//./[.]}}" "$2" >>"$work/refs.sed"
}}
renewed() {{ # what is there, our part: what people wrote round it stays
    awk -v ours="$2" '
        /^<!-- orchestrate [{{]/ && !done {{ while ((getline line < ours) > 0) print line; skipping = 1; done = 1 }}
        !skipping {{ print }}
        /^<!-- [/]orchestrate -->/ {{ skipping = 0 }}' "$1"
}}
renew() {{ # key, title, file of its body
    local number
    number=$(number_of "$1")
    sed -f "$work/refs.sed" "$3" >"$work/ours"
    gh api "repos/$REPO/issues/$number" --jq '.body' | tr -d '\r' >"$work/now"
    renewed "$work/now" "$work/ours" >"$work/next"
    if ! cmp -s "$work/now" "$work/next"; then
        gh api --method PATCH "repos/$REPO/issues/$number" -f title="$2" -F body=@"$work/next" --silent
        say "update   #$number  $2"
    fi
}}
link() {{ # list that it belongs in, name of the field, key of what goes in
    local id
    id=$(id_of "$3")
    gh api --paginate "repos/$REPO/$1?per_page=100" --jq '.[].id' >"$work/linked" 2>/dev/null ||
        {{ note "$1: not known to this server; the texts say it"; return; }}
    grep -Fxq "$id" "$work/linked" && return
    gh api "repos/$REPO/$1" -F "$2=$id" --silent 2>"$work/why" || note "$1: $(head -n 1 "$work/why")"
}}
"""

_PARENT = r"""
# -- the parent is told -------------------------------------------------------------------------------
sed -f "$work/refs.sed" "$work/published" >"$work/ours"
gh api --paginate "repos/$REPO/issues/{parent}/comments?per_page=100" --jq '.[]
    | select((.body | contains("\"key\": \"published\"")) and (.body | contains("\"mission\": \"{mission}\""))) | .id' |
    head -n 1 >"$work/comment"
if [ -s "$work/comment" ]; then
    gh api --method PATCH "repos/$REPO/issues/comments/$(cat "$work/comment")" -F body=@"$work/ours" --silent
else
    gh api "repos/$REPO/issues/{parent}/comments" -F body=@"$work/ours" --silent
    say 'comment  #{parent}'
fi
"""

_CLOSE = r"""gh api --method PATCH "repos/$REPO/issues/{parent}" -f state=closed -f state_reason=completed --silent
say 'close    #{parent}'
"""


def write_script(mission: Mission, slug: Slug, *, parent: int | None, close_parent: bool) -> str:
    """The text of the script. What an issue is spoken of by is filled in as the issues are made."""
    return "\n".join(_lines(mission, slug, parent, close_parent=close_parent)) + "\n"


def _lines(
    mission: Mission, slug: Slug, parent: int | None, *, close_parent: bool
) -> Iterator[str]:
    items = outline(mission)
    made = items if parent is None else items[1:]
    yield _HEAD.format(
        mission=mission.name,
        slug=slug,
        count=len(made),
        repo=shlex.quote(f"{slug.owner}/{slug.name}"),
        host=f" GH_HOST={shlex.quote(slug.host)}" if slug.host else "",
    )
    yield "# -- labels -------------------------------------------------------------------------------------------"
    for label in dict.fromkeys(label for item in made for label in item.labels):
        yield f"label {shlex.quote(label)} {colour_of(label)}"
    yield ""
    yield "# -- what the issues say; @@KEY@@ becomes the number of another one ----------------------------------"
    for number, item in enumerate(made, 1):
        yield from _file(f"body-{number}", _body(mission, item, parent))
    yield "# -- the issues ---------------------------------------------------------------------------------------"
    if parent is not None:
        yield f'remember mission {parent} "$(gh api "repos/$REPO/issues/{parent}" --jq .id)"'
    for number, item in enumerate(made, 1):
        yield f"ensure {_what(number, item)} {shlex.join(item.labels)}"
    yield ""
    for number, item in enumerate(made, 1):
        yield f"renew {_what(number, item)}"
    yield ""
    yield "# -- sub-issues and what blocks them, where the server has them ---------------------------------------"
    for item in items:
        for child in (other for other in items if other.parent == item.key):
            yield f'link "issues/$(number_of {item.key})/sub_issues" sub_issue_id {child.key}'
        for need in item.blocked_by:
            yield f'link "issues/$(number_of {item.key})/dependencies/blocked_by" issue_id {need}'
    if parent is not None:
        facts = {"mission": mission.name, "key": "published"}
        lines = decomposition(mission, items, _token, closes=close_parent)
        yield ""
        yield from _file("published", marked(facts, lines))
        yield _PARENT.format(parent=parent, mission=mission.name)
        if close_parent:
            yield _CLOSE.format(parent=parent)
    yield f"say {shlex.quote(f'{len(made)} issues of mission {mission.name} are in {slug}')}"


def _what(number: int, item: Item) -> str:
    return f'{item.key} {shlex.quote(item.title)} "$work/body-{number}"'


def _body(mission: Mission, item: Item, parent: int | None) -> str:
    facts = {"mission": mission.name, "key": item.key}
    return marked(facts if parent is None else facts | {"parent": parent}, item.text(_token))


def _token(key: str) -> str:
    return f"@@{key}@@"


def _file(name: str, text: str) -> Iterator[str]:
    end = "END"
    while end in text.split("\n"):
        end += "_"
    yield f"cat >\"$work/{name}\" <<'{end}'"
    yield text
    yield end
    yield ""
