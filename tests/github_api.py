"""A GitHub API on loopback that knows the comments of one pull request, and fails on request."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOT = "github-actions"


class FakeGitHub:
    """``comments`` are what the pull request has; ``failures`` are answers given first, oldest first.

    A failure is ``(method, status)`` or ``(method, status, headers)``, used up by the next request of that
    method. GraphQL is asked by ``QUERY``. ``asked`` holds (method, path) of every request.
    """

    def __init__(self):
        self.comments = []
        self.failures = []
        self.asked = []
        self.tokens = set()
        self.knows_author = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def origin(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, body, login=BOT, mine=None):
        number = 1000 + len(self.comments)
        mine = login == BOT if mine is None else mine
        self.comments.append({"id": number, "body": body, "login": login, "mine": mine})
        return number

    def environ(self):
        return {
            "GITHUB_API_URL": self.origin,
            "GITHUB_GRAPHQL_URL": f"{self.origin}/graphql",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "77",
            "EVALGATE_GITHUB_TOKEN": "token-of-the-job",
        }

    def answer(self, method, path, body, token):
        kind = "QUERY" if path == "/graphql" else method
        self.asked.append((kind, path))
        self.tokens.add(token)
        for index, (failing, *failure) in enumerate(self.failures):
            if failing == kind:
                del self.failures[index]
                return failure[0], {"message": f"no {kind}"}, failure[1] if len(failure) > 1 else {}
        if kind == "QUERY":
            return 200, self._page(body["variables"]), {}
        if kind == "POST":
            number = self.add(body["body"])
            return 201, {"html_url": f"{self.origin}/comment/{number}"}, {}
        number = int(re.fullmatch(r"/repos/owner/words/issues/comments/(\d+)", path)[1])
        known = next((each for each in self.comments if each["id"] == number), None)
        if known is None:
            return 404, {"message": "Not Found"}, {}
        known["body"] = body["body"]
        return 200, {"html_url": f"{self.origin}/comment/{number}"}, {}

    def _page(self, variables):
        first = int(variables["after"] or 0)
        shown = self.comments[first : first + 100]
        nodes = [
            {
                "databaseId": each["id"],
                "url": "",
                "body": each["body"],
                "viewerDidAuthor": each["mine"] and self.knows_author,
                "author": {"login": each["login"]} if each["login"] else None,
            }
            for each in shown
        ]
        more = first + 100 < len(self.comments)
        info = {"hasNextPage": more, "endCursor": str(first + 100)}
        comments = {"nodes": nodes, "pageInfo": info}
        return {
            "data": {
                "viewer": {"login": f"{BOT}[bot]"},
                "repository": {"pullRequest": {"comments": comments}},
            }
        }

    def _handler(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["content-length"])
                body = json.loads(self.rfile.read(size))
                token = self.headers["authorization"]
                status, answer, headers = fake.answer(self.command, self.path, body, token)
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_PATCH = do_POST  # noqa: N815

            def log_message(self, *_):
                """Say nothing."""

        return Handler
