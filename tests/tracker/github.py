"""A server on loopback that answers `gh` as GitHub does: REST, and the GraphQL that `gh` sends.

It keeps issues, labels, comments, links, pull requests, checks and reviews; branches are those of a
bare repository, which git pushes to. `gh` comes here as `github.localhost` through `HTTP_PROXY`, for
which it asks for no TLS. What it is asked for and does not know is answered with 404 and noted.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]


class NotThere(Exception):
    def __init__(self, status: int = 404, message: str = "Not Found") -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class GitHub:
    """One repository, `o/r`, as the server knows it."""

    bare: Path | None = None
    has_links: bool = True
    """Whether it knows sub-issues and what blocks an issue."""
    permissions: Json = field(default_factory=lambda: {"pull": True, "triage": True, "push": True})
    archived: bool = False
    has_issues: bool = True
    token: str = "secret"
    protected: set[str] = field(default_factory=lambda: {"main"})
    association: str = "OWNER"
    issues: dict[int, Json] = field(default_factory=dict)
    labels: dict[str, Json] = field(default_factory=dict)
    comments: dict[int, list[Json]] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    blocked: dict[int, list[int]] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    checks: dict[str, list[Json]] = field(default_factory=dict)
    annotations: dict[int, list[Json]] = field(default_factory=dict)
    reviews: dict[int, list[Json]] = field(default_factory=dict)
    remarks: dict[int, list[Json]] = field(default_factory=dict)
    """Review comments on lines, by pull request."""
    auto: dict[int, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    refuse_once: list[tuple[int, str]] = field(default_factory=list)
    """Statuses and messages that the next requests which write are answered with."""
    most_issues: int = 1000
    """How many there may be before the server breaks."""
    ids: int = 1000
    number: int = 0

    # -- what tests do ---------------------------------------------------------------------------------

    @property
    def writes(self) -> list[str]:
        return [each for each in self.requests if not each.startswith(("GET", "QUERY"))]

    def issue(self, title: str, body: str = "", parent: int | None = None, **more: Any) -> int:
        """An issue that somebody made by hand."""
        number = self._new({"title": title, "body": body, **more})["number"]
        if parent:
            self.parents[number] = parent
        return number

    def children(self, number: int) -> list[int]:
        return [child for child, parent in self.parents.items() if parent == number]

    def titled(self, begin: str) -> Json:
        (found,) = [each for each in self.issues.values() if each["title"].startswith(begin)]
        return found

    def check(
        self, sha: str, name: str, conclusion: str | None, text: str = "", path: str = ""
    ) -> None:
        """A check-run, done unless it has no conclusion."""
        run = {
            "id": self._id(),
            "name": name,
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "html_url": f"http://github.localhost/o/r/runs/{self.ids}",
            "output": {
                "title": name,
                "summary": text,
                "text": "",
                "annotations_count": int(bool(path)),
            },
        }
        self.checks.setdefault(sha, []).append(run)
        if path:
            self.annotations[run["id"]] = [
                {"path": path, "start_line": 1, "annotation_level": "failure", "message": text}
            ]

    def review(
        self,
        number: int,
        state: str,
        body: str,
        *,
        path: str = "",
        by: str = "rev",
        association: str = "MEMBER",
    ) -> int:
        """A review; with a path, it has a remark on the first line of that file."""
        made = {
            "id": self._id(),
            "state": state,
            "body": "" if path else body,
            "user": {"login": by, "type": "User"},
            "author_association": association,
            "commit_id": self.pulls[number]["head"]["sha"],
        }
        self.reviews.setdefault(number, []).append(made)
        if path:
            self.remarks.setdefault(number, []).append(
                {
                    "id": self._id(),
                    "pull_request_review_id": made["id"],
                    "path": path,
                    "line": 1,
                    "body": body,
                    "user": made["user"],
                    "author_association": association,
                }
            )
        return made["id"]

    def merge(self, number: int) -> None:
        """What the button does."""
        pull = self._pull(number)
        head, base = pull["head"]["sha"], self._ref(pull["base"]["ref"])
        tree = self._git("merge-tree", "--write-tree", base, head)
        commit = self._git(
            "-c",
            "user.name=M",
            "-c",
            "user.email=m@example.invalid",
            "commit-tree",
            tree,
            "-p",
            base,
            "-p",
            head,
            "-m",
            f"Merge #{number}",
        )
        self._git("update-ref", f"refs/heads/{pull['base']['ref']}", commit, base)
        self.pulls[number] |= {"state": "closed", "merged": True, "merge_commit_sha": commit}

    # -- REST ----------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Any]:
        if method != "GET" and self.refuse_once:
            raise NotThere(*self.refuse_once.pop(0))
        for form, verb, carry_out in ROUTES:
            if verb == method and (found := form.fullmatch(path)):
                groups = [int(each) if each.isdigit() else each for each in found.groups()]
                answer = carry_out(self, *groups, **({"body": body} if method != "GET" else {}))
                if isinstance(answer, list):
                    answer = self._page(answer, query)
                return (201 if method == "POST" else 200), answer
        self.unknown.append(f"{method} {path}")
        raise NotThere

    def _page(self, entries: list[Any], query: dict[str, str]) -> list[Any]:
        if labels := query.get("labels"):
            entries = [e for e in entries if labels in [label["name"] for label in e["labels"]]]
        if creator := query.get("creator"):
            entries = [e for e in entries if e["user"]["login"] == creator]
        if head := query.get("head"):
            entries = [e for e in entries if f"o:{e['head']['ref']}" == head]
        if query.get("state", "all") != "all":
            entries = [e for e in entries if e["state"] == query["state"]]
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        return entries[(page - 1) * size : page * size]

    def repository(self) -> Json:
        return {
            "full_name": "o/r",
            "archived": self.archived,
            "has_issues": self.has_issues,
            "permissions": self.permissions,
            "default_branch": "main",
            "allow_merge_commit": True,
            "allow_squash_merge": True,
            "allow_rebase_merge": True,
        }

    def user(self) -> Json:
        return {"login": "me", "type": "User"}

    def get_issue(self, number: int) -> Json:
        return self._known(number)

    def list_issues(self) -> list[Json]:
        return sorted(self.issues.values(), key=lambda issue: -issue["number"])

    def make_issue(self, body: Json) -> Json:
        if len(self.issues) >= self.most_issues:
            raise NotThere(502, "Bad Gateway")
        return self._new(body)

    def change_issue(self, number: int, body: Json) -> Json:
        issue = self._known(number)
        issue |= {
            key: value
            for key, value in body.items()
            if key in {"title", "body", "state", "state_reason"}
        }
        if "labels" in body:
            issue["labels"] = [self._label(name) for name in body["labels"]]
        if number in self.pulls:
            self.pulls[number] |= {key: body[key] for key in ("title", "body") if key in body}
        return issue

    def add_labels(self, number: int, body: Json) -> list[Json]:
        issue = self._known(number)
        have = [label["name"].lower() for label in issue["labels"]]
        issue["labels"] += [self._label(n) for n in body["labels"] if n.lower() not in have]
        if number in self.pulls:
            self.pulls[number]["labels"] = issue["labels"]
        return issue["labels"]

    def list_labels(self) -> list[Json]:
        return list(self.labels.values())

    def make_label(self, body: Json) -> Json:
        if body["name"].lower() in self.labels:
            raise NotThere(422, "Validation Failed")
        return self._label(body["name"], body.get("color", "ededed"))

    def list_comments(self, number: int) -> list[Json]:
        self._known(number)
        return self.comments.get(number, [])

    def make_comment(self, number: int, body: Json) -> Json:
        self._known(number)
        made = {
            "id": self._id(),
            "body": body["body"],
            "author_association": self.association,
            "user": self.user(),
            "created_at": "2026-11-28T04:00:00Z",
        }
        self.comments.setdefault(number, []).append(made)
        return made

    def change_comment(self, id: int, body: Json) -> Json:
        for comment in (each for comments in self.comments.values() for each in comments):
            if comment["id"] == id:
                comment["body"] = body["body"]
                return comment
        raise NotThere

    def _linking(self, number: int) -> None:
        if not self.has_links:
            raise NotThere
        self._known(number)

    def list_children(self, number: int) -> list[Json]:
        self._linking(number)
        return [self.issues[child] for child in self.children(number)]

    def add_child(self, number: int, body: Json) -> Json:
        self._linking(number)
        child = self._by_id(body["sub_issue_id"])
        if child in self.parents:
            raise NotThere(422, "An issue may only have one parent")
        if len(self.children(number)) >= 100:
            raise NotThere(422, "A parent issue can have at most 100 sub-issues")
        self.parents[child] = number
        return self.issues[number]

    def get_parent(self, number: int) -> Json:
        self._linking(number)
        if number not in self.parents:
            raise NotThere
        return self.issues[self.parents[number]]

    def list_blockers(self, number: int) -> list[Json]:
        self._linking(number)
        return [self.issues[each] for each in self.blocked.get(number, [])]

    def add_blocker(self, number: int, body: Json) -> Json:
        self._linking(number)
        blocker = self._by_id(body["issue_id"])
        if blocker in self.blocked.get(number, []):
            raise NotThere(422, "Validation Failed")
        self.blocked.setdefault(number, []).append(blocker)
        return self.issues[number]

    # -- pull requests -------------------------------------------------------------------------------------

    def list_pulls(self) -> list[Json]:
        return [self._pull(number) for number in sorted(self.pulls, reverse=True)]

    def get_pull(self, number: int) -> Json:
        if number not in self.pulls:
            raise NotThere
        return self._pull(number)

    def make_pull(self, body: Json) -> Json:
        if any(
            p["head"]["ref"] == body["head"] and p["state"] == "open" for p in self.pulls.values()
        ):
            raise NotThere(422, "A pull request already exists")
        sha = self._ref(body["head"])
        if len(body.get("body", "")) > 65_536:
            raise NotThere(422, "body is too long")
        issue = self._new({"title": body["title"], "body": body.get("body", "")})
        issue["pull_request"] = {}
        self.pulls[issue["number"]] = {
            "number": issue["number"],
            "id": issue["id"],
            "node_id": f"PR_{issue['number']}",
            "state": "open",
            "merged": False,
            "draft": body.get("draft", False),
            "title": body["title"],
            "body": body.get("body", ""),
            "labels": issue["labels"],
            "html_url": f"http://github.localhost/o/r/pull/{issue['number']}",
            "head": {"ref": body["head"], "sha": sha},
            "base": {"ref": body["base"]},
        }
        return self._pull(issue["number"])

    def change_pull(self, number: int, body: Json) -> Json:
        pull = self.pulls[number]
        pull |= {key: body[key] for key in ("title", "body", "state") if key in body}
        if "base" in body:
            pull["base"] = {"ref": body["base"]}
        return self._pull(number)

    def list_reviews(self, number: int) -> list[Json]:
        return self.reviews.get(number, [])

    def list_remarks(self, number: int) -> list[Json]:
        return self.remarks.get(number, [])

    def reply(self, number: int, id: int, body: Json) -> Json:
        (parent,) = [each for each in self.remarks[number] if each["id"] == id]
        made = parent | {
            "id": self._id(),
            "body": body["body"],
            "in_reply_to_id": id,
            "user": self.user(),
        }
        self.remarks[number].append(made)
        return made

    def ask_reviewers(self, number: int, body: Json) -> Json:
        self.pulls[number]["requested_reviewers"] = body["reviewers"]
        return self._pull(number)

    def list_checks(self, sha: str) -> Json:
        return {
            "total_count": len(self.checks.get(sha, [])),
            "check_runs": self.checks.get(sha, []),
        }

    def list_annotations(self, id: int) -> list[Json]:
        return self.annotations.get(id, [])

    def get_status(self, sha: str) -> Json:
        return {"state": "pending", "statuses": []}

    def get_branch(self, name: str) -> Json:
        return {
            "name": name,
            "commit": {"sha": self._ref(name)},
            "protected": name in self.protected,
        }

    def get_rules(self, name: str) -> list[Json]:
        return [{"type": "pull_request"}] if name in self.protected else []

    # -- GraphQL -------------------------------------------------------------------------------------------

    def graphql(self, query: str, variables: Json) -> Json:
        given = variables.get("input", {})
        if "IssueByNumber" in query or "IssueNodeID" in query:
            issue = self._known(variables["number"])
            told = {
                "__typename": "Issue",
                "id": issue["node_id"],
                "number": issue["number"],
                "title": issue["title"],
                "body": issue["body"],
                "url": issue["html_url"],
                "parent": None,
            }
            return {"repository": {"hasIssuesEnabled": True, "issue": told}}
        if "addSubIssue" in query:
            if not self.has_links:
                raise NotThere(200, "Field 'addSubIssue' doesn't exist on type 'Mutation'")
            self.add_child(
                _number(given["issueId"]),
                {"sub_issue_id": self._known(_number(given["subIssueId"]))["id"]},
            )
            return {"addSubIssue": {"issue": {"id": given["issueId"]}}}
        if "addBlockedBy" in query:
            if not self.has_links:
                raise NotThere(200, "Field 'addBlockedBy' doesn't exist on type 'Mutation'")
            self.add_blocker(
                _number(given["issueId"]),
                {"issue_id": self._known(_number(given["blockingIssueId"]))["id"]},
            )
            return {"addBlockedBy": {"issue": {"id": given["issueId"]}}}
        if "__type" in query:
            names = {"PullRequest": ["isInMergeQueue", "isMergeQueueEnabled", "autoMergeRequest"]}
            asked = re.findall(r"(\w+): __type", query)
            return {
                kind: {"fields": [{"name": name} for name in names.get(kind, ())]} for kind in asked
            }
        if "markPullRequestReadyForReview" in query:
            self.pulls[_number(given["pullRequestId"])]["draft"] = False
            return {
                "markPullRequestReadyForReview": {"pullRequest": {"id": given["pullRequestId"]}}
            }
        if "convertPullRequestToDraft" in query:
            self.pulls[_number(given["pullRequestId"])]["draft"] = True
            return {"convertPullRequestToDraft": {"pullRequest": {"id": given["pullRequestId"]}}}
        if "enablePullRequestAutoMerge" in query:
            self.auto[_number(given["pullRequestId"])] = given.get("mergeMethod", "")
            return {"enablePullRequestAutoMerge": {"clientMutationId": ""}}
        if "PullRequestByNumber" in query:
            pull = self._pull(variables["pr_number"])
            known = {
                "id": pull["node_id"],
                "number": pull["number"],
                "state": "OPEN",
                "isDraft": pull["draft"],
                "title": pull["title"],
                "mergeStateStatus": "BLOCKED",
                "isInMergeQueue": False,
                "isMergeQueueEnabled": False,
                "isCrossRepository": False,
                "autoMergeRequest": None,
                "headRefName": pull["head"]["ref"],
                "headRefOid": pull["head"]["sha"],
                "baseRefName": pull["base"]["ref"],
                "commits": {"nodes": [{"commit": {"oid": pull["head"]["sha"]}}]},
            }
            asked = re.findall(r"\w+", query)  # no more than that is answered
            told = {key: value for key, value in known.items() if key in asked}
            return {"repository": {"pullRequest": told}}
        if "UserCurrent" in query:
            return {"viewer": {"login": "me"}}
        self.unknown.append(query)
        raise NotThere(200, "not understood")

    # -- below -----------------------------------------------------------------------------------------------

    def _id(self) -> int:
        self.ids += 1
        return self.ids

    def _known(self, number: int) -> Json:
        if number not in self.issues:
            raise NotThere
        return self.issues[number]

    def _by_id(self, id: int) -> int:
        """Links are by the database's ids, not by numbers."""
        for number, issue in self.issues.items():
            if issue["id"] == id:
                return number
        raise NotThere(404, "The provided sub-issue does not exist")

    def _label(self, name: str, colour: str = "ededed") -> Json:
        return self.labels.setdefault(name.lower(), {"name": name, "color": colour})

    def _new(self, body: Json) -> Json:
        if len(body.get("body") or "") > 65_536 or len(body["title"]) > 256:
            raise NotThere(422, "Validation Failed")
        self.number += 1
        number = self.number
        self.issues[number] = {
            "number": number,
            "id": self._id() * 7,
            "node_id": f"I_{number}",
            "title": body["title"],
            "body": body.get("body"),
            "state": body.get("state", "open"),
            "user": self.user(),
            "html_url": f"http://github.localhost/o/r/issues/{number}",
            "labels": [self._label(name) for name in body.get("labels", [])],
        }
        return self.issues[number]

    def _pull(self, number: int) -> Json:
        pull = self.pulls[number]
        if pull["state"] == "open":
            pull["head"]["sha"] = self._ref(pull["head"]["ref"])
            base = self._ref(pull["base"]["ref"])
            merged = subprocess.run(
                ["git", "merge-tree", "--write-tree", base, pull["head"]["sha"]],
                cwd=self.bare,
                capture_output=True,
                check=False,
            )
            behind = self._git("rev-list", "--count", f"{pull['head']['sha']}..{base}")
            state = "dirty" if merged.returncode else "behind" if behind != "0" else "clean"
            pull |= {"mergeable": merged.returncode == 0, "mergeable_state": state}
            pull["base"]["sha"] = base
        return pull

    def _ref(self, branch: str) -> str:
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except subprocess.CalledProcessError:
            raise NotThere(404, "Branch not found") from None

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.bare, capture_output=True, text=True, check=True
        ).stdout.strip()


def _number(node: str) -> int:
    return int(node.partition("_")[2])


def _route(
    verb: str, path: str, carry_out: Callable[..., Any]
) -> tuple[re.Pattern[str], str, Callable[..., Any]]:
    form = re.escape(path).replace(r"\{n\}", r"(\d+)").replace(r"\{s\}", r"(.+)")
    return re.compile(form), verb, carry_out


R = "/repos/o/r"
ROUTES = [
    _route("GET", R, GitHub.repository),
    _route("GET", "/user", GitHub.user),
    _route("GET", f"{R}/issues", GitHub.list_issues),
    _route("POST", f"{R}/issues", GitHub.make_issue),
    _route("GET", f"{R}/issues/{{n}}", GitHub.get_issue),
    _route("PATCH", f"{R}/issues/{{n}}", GitHub.change_issue),
    _route("POST", f"{R}/issues/{{n}}/labels", GitHub.add_labels),
    _route("GET", f"{R}/labels", GitHub.list_labels),
    _route("POST", f"{R}/labels", GitHub.make_label),
    _route("GET", f"{R}/issues/{{n}}/comments", GitHub.list_comments),
    _route("POST", f"{R}/issues/{{n}}/comments", GitHub.make_comment),
    _route("PATCH", f"{R}/issues/comments/{{n}}", GitHub.change_comment),
    _route("GET", f"{R}/issues/{{n}}/sub_issues", GitHub.list_children),
    _route("POST", f"{R}/issues/{{n}}/sub_issues", GitHub.add_child),
    _route("GET", f"{R}/issues/{{n}}/parent", GitHub.get_parent),
    _route("GET", f"{R}/issues/{{n}}/dependencies/blocked_by", GitHub.list_blockers),
    _route("POST", f"{R}/issues/{{n}}/dependencies/blocked_by", GitHub.add_blocker),
    _route("GET", f"{R}/pulls", GitHub.list_pulls),
    _route("POST", f"{R}/pulls", GitHub.make_pull),
    _route("GET", f"{R}/pulls/{{n}}", GitHub.get_pull),
    _route("PATCH", f"{R}/pulls/{{n}}", GitHub.change_pull),
    _route("GET", f"{R}/pulls/{{n}}/reviews", GitHub.list_reviews),
    _route("GET", f"{R}/pulls/{{n}}/comments", GitHub.list_remarks),
    _route("POST", f"{R}/pulls/{{n}}/comments/{{n}}/replies", GitHub.reply),
    _route("POST", f"{R}/pulls/{{n}}/requested_reviewers", GitHub.ask_reviewers),
    _route("GET", f"{R}/commits/{{s}}/check-runs", GitHub.list_checks),
    _route("GET", f"{R}/commits/{{s}}/status", GitHub.get_status),
    _route("GET", f"{R}/check-runs/{{n}}/annotations", GitHub.list_annotations),
    _route("GET", f"{R}/rules/branches/{{s}}", GitHub.get_rules),
    _route("GET", f"{R}/branches/{{s}}", GitHub.get_branch),
]


@contextmanager
def serving(github: GitHub) -> Iterator[str]:
    """The server at work; its address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def carry_out(self) -> None:
            data = self.sent()
            url = urlsplit(self.path)
            body = json.loads(data) if data else {}
            with lock:
                try:
                    status, answer = self.answered(url.path, dict(parse_qsl(url.query)), body)
                except NotThere as error:
                    status, answer = error.status, {"message": error.message}
                    if url.path == "/graphql":
                        status, answer = 200, {"data": None, "errors": [{"message": error.message}]}
            sent = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def sent(self) -> bytes:
            """What was sent, in chunks too."""
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def answered(self, path: str, query: dict[str, str], body: Json) -> tuple[int, Any]:
            if self.headers.get("Authorization") != f"token {github.token}":
                raise NotThere(401, "Bad credentials")
            if path == "/graphql":
                kind = "QUERY" if "mutation" not in body["query"] else "MUTATION"
                github.requests.append(f"{kind} {body['query'].split('(')[0].strip()}")
                return 200, {"data": github.graphql(body["query"], body.get("variables") or {})}
            github.requests.append(f"{self.command} {path}")
            return github.answer(self.command, path, query, body)

        def log_message(self, *_: Any) -> None:
            pass

    for verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.carry_out)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
