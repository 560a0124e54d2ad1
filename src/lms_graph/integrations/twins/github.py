"""GitHub as far as signing in goes: OAuth with PKCE, `/user` and `/user/emails`. Refusals come with status 200, as there."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lms_graph.integrations.twins.people import Desk, form_of


class GithubTwin:
    """One GitHub with its state: pages and API on one address, the API below `/api`."""

    def __init__(self, *, title: str = "GitHub twin") -> None:
        self.desk = Desk(title)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize, methods=["GET", "POST"]),
                Route("/login/oauth/access_token", self._access_token, methods=["POST"]),
                Route("/api/user", self._user),
                Route("/api/user/emails", self._emails),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        return self.desk.choose(await form_of(request)) if request.method == "POST" else self.desk.page(request.query_params)

    async def _access_token(self, request: Request) -> Response:
        granted = self.desk.redeem(await form_of(request))
        if granted is None:
            return JSONResponse({"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."})
        return JSONResponse({"access_token": self.desk.token(granted), "token_type": "bearer", "scope": granted.asked.get("scope", "").replace(" ", ",")})

    async def _user(self, request: Request) -> Response:
        granted = self.desk.holder(request.headers.get("authorization"))
        if granted is None or "user-agent" not in request.headers:
            return JSONResponse({"message": "Bad credentials"}, 401)
        # `email` is what they show to all, proved or not: whoever signs people in by it is fooled.
        return JSONResponse({"id": granted.person.id, "login": f"user-{granted.person.id}", "name": granted.person.name, "email": "ada@example.com"})

    async def _emails(self, request: Request) -> Response:
        granted = self.desk.holder(request.headers.get("authorization"))
        if granted is None or "user:email" not in granted.asked.get("scope", ""):
            return JSONResponse({"message": "Not Found"}, 404)
        person = granted.person
        others = [{"email": f"{person.id}@users.example", "primary": False, "verified": True, "visibility": None}]
        return JSONResponse([*([{"email": person.email, "primary": True, "verified": person.email_verified, "visibility": "private"}] if person.email else []), *others])
