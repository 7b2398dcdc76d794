"""What a repository on GitHub holds at a moment, and how GitHub words it."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.company import Company, identifiers

Row = dict[str, Any]
OWNER, NAME = "lanternfish", "app"
REPOSITORY = f"{OWNER}/{NAME}"
SITE = "https://github.example"
# Ids of each kind lie apart, so that one is never taken for another.
RELEASE_IDS, DEPLOYMENT_IDS, PULL_IDS, ISSUE_IDS = 100_001, 1_500_001, 2_000_000, 3_000_000
COLORS = {"bug": "d73a4a", "incident": "b60205"}
# A deployment is changed once more when it reports success.
ROLLED_OUT = timedelta(seconds=40)


@dataclass(frozen=True)
class Entry:
    """One object as it is now: what lists sort and filter by, and the whole of it when shown."""

    created: datetime
    updated: datetime
    number: int
    facts: Row
    shown: Callable[[str], Row]


class Holdings:
    """The releases, deployments, pulls and issues of a company's one repository."""

    def __init__(self, company: Company) -> None:
        self._releases = sorted(
            company.releases, key=lambda row: (row["released_at"], row["release"])
        )
        self._deploys = sorted(
            company.deploys, key=lambda row: (row["deployed_at"], row["deploy_id"])
        )
        self._called = identifiers(company)
        self._last_pull: dict[str, tuple[datetime, str]] = {}
        for row in company.pulls:
            if row["deploy_id"] and row["merged_at"]:
                last = (row["merged_at"], row["pull_id"])
                self._last_pull[row["deploy_id"]] = max(
                    last, self._last_pull.get(row["deploy_id"], last)
                )
        # Pulls and issues are numbered together, as they were opened.
        both = [(row["created_at"], row["pull_id"], row, True) for row in company.pulls]
        both += [(r["created_at"], r["code_issue_id"], r, False) for r in company.code_issues]
        self._numbered = [
            (number, row, is_pull)
            for number, (_, _, row, is_pull) in enumerate(
                sorted(both, key=lambda each: (*each[:2], each[3])), start=1
            )
        ]

    def commit(self, deploy_id: str) -> str:
        """What was deployed: the merge of the deploy's last pull."""
        last = self._last_pull.get(deploy_id)
        return sha("pull", last[1]) if last else sha("deploy", deploy_id)

    def releases(self, now: datetime) -> Iterator[Entry]:
        for number, row in enumerate(self._releases, start=RELEASE_IDS):
            if _is_there(row, row["released_at"], now):
                at = row["released_at"]
                facts = {"id": number, "name": row["release"], "at": at}
                yield Entry(at, at, number, facts, _showing(release, facts))

    def deployments(self, now: datetime) -> Iterator[Entry]:
        """Two of each deploy: to staging first, and a minute or two later to production."""
        for number, row in enumerate(self._deploys):
            ahead = timedelta(seconds=60 + zlib.crc32(row["deploy_id"].encode()) % 60)
            for place, (environment, at) in enumerate(
                (("staging", row["deployed_at"] - ahead), ("production", row["deployed_at"]))
            ):
                created = at.replace(microsecond=0)
                if not _is_there(row, created, now):
                    continue
                updated = max(created, min(now, created + ROLLED_OUT).replace(microsecond=0))
                facts = {
                    "id": DEPLOYMENT_IDS + 2 * number + place,
                    "sha": self.commit(row["deploy_id"]),
                    "ref": "main",
                    "task": "deploy",
                    "environment": environment,
                    "created": created,
                    "updated": updated,
                }
                yield Entry(created, updated, facts["id"], facts, _showing(deployment, facts))

    def pulls(self, now: datetime) -> Iterator[Entry]:
        for number, row, is_pull in self._numbered:
            if is_pull and row["created_at"] <= now:
                facts = self._pull(number, row, now)
                yield Entry(
                    facts["created"], facts["updated"], number, facts, _showing(pull, facts)
                )

    def issues(self, now: datetime) -> Iterator[Entry]:
        """Every issue, and every pull as the issue that it also is."""
        for number, row, is_pull in self._numbered:
            if not _is_there(row, row["created_at"], now):
                continue
            facts = self._pull(number, row, now) if is_pull else self._issue(number, row, now)
            yield Entry(facts["created"], facts["updated"], number, facts, _showing(issue, facts))

    def _pull(self, number: int, row: Row, now: datetime) -> Row:
        merged = _past(row["merged_at"], now)
        author = row["author"] or "ghost"
        called = self._called.get(row["issue_id"])
        words = "-".join(filter(None, [called, row["title"]]))
        return {
            **_common(number, row, now, merged or _past(row["closed_at"], now)),
            "is_pull": True,
            "merged": merged,
            "branch": row["branch"] or f"{author}/{_slug(words)}",
            # Before a pull is merged this is a merge that GitHub only tried.
            "merge_commit": sha("pull" if merged else "trial", row["pull_id"]),
            "head": sha("head", row["pull_id"]),
            "base": sha("base", row["pull_id"]),
            "body": None,
            "labels": _listed(row["labels"]),
        }

    def _issue(self, number: int, row: Row, now: datetime) -> Row:
        body, labels = row["body"], row["labels"]
        if row["deploy_id"]:
            caused = f"Broken since {self.commit(row['deploy_id'])[:12]} was deployed."
            body = "\n\n".join(filter(None, [body, caused]))
            labels = labels or "incident"
        return {
            **_common(number, row, now, _past(row["closed_at"], now)),
            "is_pull": False,
            "body": body,
            "labels": _listed(labels),
        }


def sha(*parts: str) -> str:
    return hashlib.sha1(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def _showing(render: Callable[[Row, str], Row], facts: Row) -> Callable[[str], Row]:
    return lambda base: render(facts, base)


def _is_there(row: Row, since: datetime, now: datetime) -> bool:
    gone = row.get("deleted_at")
    return since <= now and not (gone and gone <= now)


def _past(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment <= now else None


def _common(number: int, row: Row, now: datetime, closed: datetime | None) -> Row:
    return {
        "number": number,
        "title": row["title"],
        "author": row["author"] or "ghost",
        "created": row["created_at"],
        "closed": closed,
        "updated": max(filter(None, (row["created_at"], closed))),
        "state": "closed" if closed else "open",
    }


def _listed(labels: str | None) -> list[str]:
    return [each.strip() for each in (labels or "").split(";") if each.strip()]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _node(kind: str, number: int) -> str:
    return f"{kind}_{sha(kind, str(number))[:16]}"


def user(login: str, base: str) -> Row:
    number = zlib.crc32(login.encode()) % 10**8
    here = f"{base}/users/{login}"
    links = ("events", "followers", "following", "gists", "organizations", "received_events")
    return {
        "login": login,
        "id": number,
        "node_id": _node("U", number),
        "avatar_url": f"{SITE}/avatars/{number}",
        "gravatar_id": "",
        "url": here,
        "html_url": f"{SITE}/{login}",
        **{f"{name}_url": f"{here}/{name}" for name in links},
        "repos_url": f"{here}/repos",
        "starred_url": f"{here}/starred",
        "subscriptions_url": f"{here}/subscriptions",
        "type": "User",
        "site_admin": False,
    }


def release(facts: Row, base: str) -> Row:
    here = f"{base}/repos/{REPOSITORY}/releases/{facts['id']}"
    tag = facts["name"]
    return {
        "url": here,
        "html_url": f"{SITE}/{REPOSITORY}/releases/tag/{tag}",
        "assets_url": f"{here}/assets",
        "upload_url": f"{here}/assets{{?name,label}}",
        "tarball_url": f"{base}/repos/{REPOSITORY}/tarball/{tag}",
        "zipball_url": f"{base}/repos/{REPOSITORY}/zipball/{tag}",
        "id": facts["id"],
        "node_id": _node("RE", facts["id"]),
        "tag_name": tag,
        "target_commitish": "main",
        "name": tag,
        "body": "",
        "draft": False,
        "prerelease": False,
        "created_at": stamp(facts["at"]),
        "published_at": stamp(facts["at"]),
        "author": user("release-bot", base),
        "assets": [],
    }


def deployment(facts: Row, base: str) -> Row:
    here = f"{base}/repos/{REPOSITORY}"
    is_production = facts["environment"] == "production"
    return {
        "url": f"{here}/deployments/{facts['id']}",
        "id": facts["id"],
        "node_id": _node("DE", facts["id"]),
        "sha": facts["sha"],
        "ref": facts["ref"],
        "task": facts["task"],
        "payload": {},
        "original_environment": facts["environment"],
        "environment": facts["environment"],
        "description": None,
        "creator": user("release-bot", base),
        "created_at": stamp(facts["created"]),
        "updated_at": stamp(facts["updated"]),
        "statuses_url": f"{here}/deployments/{facts['id']}/statuses",
        "repository_url": here,
        "transient_environment": False,
        "production_environment": is_production,
    }


def pull(facts: Row, base: str) -> Row:
    here, number = f"{base}/repos/{REPOSITORY}", facts["number"]
    page = f"{SITE}/{REPOSITORY}/pull/{number}"
    urls = {
        "url": f"{here}/pulls/{number}",
        "html_url": page,
        "issue_url": f"{here}/issues/{number}",
        "comments_url": f"{here}/issues/{number}/comments",
        "review_comments_url": f"{here}/pulls/{number}/comments",
        "review_comment_url": f"{here}/pulls/comments{{/number}}",
        "commits_url": f"{here}/pulls/{number}/commits",
        "statuses_url": f"{here}/statuses/{facts['head']}",
    }
    names = ("comments", "commits", "statuses", "review_comments", "review_comment", "issue")
    return {
        **urls,
        "id": PULL_IDS + number,
        "node_id": _node("PR", number),
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **_issue_facts(facts, base),
        "active_lock_reason": None,
        "merged_at": stamp(facts["merged"]),
        "merge_commit_sha": facts["merge_commit"],
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _end(facts["branch"], facts["head"], base),
        "base": _end("main", facts["base"], base),
        "_links": {
            "self": {"href": urls["url"]},
            "html": {"href": page},
            **{name: {"href": urls[f"{name}_url"]} for name in names},
        },
        "auto_merge": None,
        "draft": False,
    }


def _issue_facts(facts: Row, base: str) -> Row:
    """What pulls and issues have in common."""
    return {
        "number": facts["number"],
        "state": facts["state"],
        "locked": False,
        "title": facts["title"],
        "user": user(facts["author"], base),
        "body": facts["body"],
        "labels": [_label(name, base) for name in facts["labels"]],
        "milestone": None,
        "assignee": None,
        "created_at": stamp(facts["created"]),
        "updated_at": stamp(facts["updated"]),
        "closed_at": stamp(facts["closed"]),
        "author_association": "MEMBER",
    }


def issue(facts: Row, base: str) -> Row:
    here, number = f"{base}/repos/{REPOSITORY}", facts["number"]
    url, kind = f"{here}/issues/{number}", "pull" if facts["is_pull"] else "issues"
    page = f"{SITE}/{REPOSITORY}/{kind}/{number}"
    found = {
        "url": url,
        "repository_url": here,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": ISSUE_IDS + number,
        "node_id": _node("I", number),
        **_issue_facts(facts, base),
        "state_reason": "completed" if facts["closed"] else None,
        "assignees": [],
        "comments": 0,
    }
    if facts["is_pull"]:
        found["draft"] = False
        found["pull_request"] = {
            "url": f"{here}/pulls/{number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": stamp(facts["merged"]),
        }
    return found


def _label(name: str, base: str) -> Row:
    number = zlib.crc32(name.encode())
    return {
        "id": number,
        "node_id": _node("LA", number),
        "url": f"{base}/repos/{REPOSITORY}/labels/{name}",
        "name": name,
        "description": "",
        "color": COLORS.get(name, "ededed"),
        "default": name == "bug",
    }


def _end(branch: str, commit: str, base: str) -> Row:
    """One of the two branches of a pull."""
    return {
        "label": f"{OWNER}:{branch}",
        "ref": branch,
        "sha": commit,
        "user": user(OWNER, base),
        "repo": repository(base),
    }


def repository(base: str) -> Row:
    here, page = f"{base}/repos/{REPOSITORY}", f"{SITE}/{REPOSITORY}"
    lists = (
        *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits"),
        *("compare", "contents", "contributors", "deployments", "downloads", "events", "forks"),
        *("git_commits", "git_refs", "git_tags", "hooks", "issue_comment", "issue_events"),
        *("issues", "keys", "labels", "languages", "merges", "milestones", "notifications"),
        *("pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags"),
        *("teams", "trees"),
    )
    counts = ("forks", "open_issues", "watchers")
    return {
        "id": 700_001,
        "node_id": _node("R", 700_001),
        "name": NAME,
        "full_name": REPOSITORY,
        "private": True,
        "owner": user(OWNER, base),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": here,
        **{f"{name}_url": f"{here}/{name}" for name in lists},
        "clone_url": f"{page}.git",
        "git_url": f"git://{page.partition('//')[2]}.git",
        "ssh_url": f"git@{page.partition('//')[2].replace('/', ':', 1)}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": "Python",
        "default_branch": "main",
        **{f"has_{name}": False for name in ("downloads", "projects", "wiki", "pages")},
        "has_issues": True,
        "archived": False,
        "disabled": False,
        "license": None,
        **{name: 0 for count in counts for name in (count, f"{count}_count")},
        "stargazers_count": 0,
        "size": 1,
        "pushed_at": None,
        "created_at": None,
        "updated_at": None,
    }
