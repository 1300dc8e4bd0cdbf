"""The Litestar application: routes behind the gate, strict bodies, every failure a problem."""

from collections.abc import Mapping
from typing import Any, cast

from litestar import Litestar, Router
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag

from libs.chassis.database import Database
from services.gateway.edge import problems
from services.gateway.edge.body import StrictRequest
from services.gateway.edge.gate import Gate, learn_queries, needs
from services.gateway.edge.idempotency import Idempotency
from services.gateway.edge.keys import Keys
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.links import Links
from services.gateway.edge.rates import Rates
from services.gateway.routes import (
    api_keys,
    archives,
    backups,
    branches,
    buckets,
    changes,
    checks,
    content_diff,
    contents,
    deleted_buckets,
    diffs,
    direct,
    docs,
    files,
    forms,
    grants,
    lifecycle,
    live,
    locks,
    making_commits,
    merges,
    proving,
    quarantine,
    restores,
    retention,
    signed_urls,
    staging,
    storage_status,
    system,
    tags,
    tasks,
    trash,
    tus,
    usage,
    versions,
)
from services.gateway.routes.body_examples import show_bodies
from services.gateway.routes.given import PREFIX
from services.gateway.routes.refusals import describe_refusals
from services.gateway.settings import Settings

API = (
    buckets,
    deleted_buckets,
    grants,
    files,
    forms,
    contents,
    tus,
    archives,
    changes,
    signed_urls,
    direct,
    branches,
    tags,
    staging,
    versions,
    making_commits,
    restores,
    merges,
    diffs,
    content_diff,
    proving,
    retention,
    trash,
    locks,
    checks,
    lifecycle,
    usage,
    backups,
    tasks,
    api_keys,
    system,
    storage_status,
    quarantine,
    live,
)

DESCRIPTION = """Put a file in: it is stored once, versioned like git, backed up, and everybody who
cares hears about it. Failures are RFC 9457 problems. Lists go on with `?cursor=<next>`. A POST with
an `Idempotency-Key` can be repeated safely for a day.

Live updates are WebSockets: `/api/v1/live`, where topics `task.<id>` and `bucket.<name>` are
subscribed to, and `/api/v1/progress/ws?task_id=<id>` for one task."""


def build_application(
    settings: Settings,
    db: Database,
    keys: Keys,
    links: Links,
    buckets: KnownBuckets,
    rates: Rates,
    given: Mapping[str, Any],
) -> Litestar:
    """Return the application; ``given`` is what its routes may ask for by name."""
    app = Litestar(
        route_handlers=[
            Router(PREFIX, route_handlers=[route for part in API for route in part.ROUTES]),
            *docs.ROUTES,
        ],
        middleware=[
            DefineMiddleware(
                cast("Any", Gate), keys=keys, links=links, buckets=buckets, rates=rates
            ),
            DefineMiddleware(cast("Any", Idempotency), db=db, most_bytes=settings.max_json_bytes),
        ],
        dependencies=given,
        request_class=StrictRequest,
        request_max_body_size=settings.max_json_bytes,
        exception_handlers={Exception: problems.respond},
        openapi_config=_openapi(),
        logging_config=None,
    )
    describe_refusals(app)
    show_bodies(app)
    learn_queries(app)
    return app


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Strongroom",
        version="1",
        description=DESCRIPTION,
        tags=[
            Tag("Buckets", "Where files live."),
            Tag("Grants", "Who may do what in a bucket, and why."),
            Tag("Files", "Their bytes, and what is known of them."),
            Tag(
                "Uploads",
                "Large files in parts, by tus 1.0: any client of it can go on after a break.",
            ),
            Tag("Versions", "What files were, and going back."),
            Tag("Trash", "Deleted files, for as long as their bucket keeps them."),
            Tag("Locks", "What keeps files as they are: retention and legal holds."),
            Tag("Checks", "What new files wait for before anybody sees them."),
            Tag("Usage", "What is used, and quotas."),
            Tag("Backups", "Snapshots in other places, and restoring them."),
            Tag("Progress", "Tasks: long work, of the platform and of your own programs."),
            Tag("Identity", "API keys."),
            Tag("System", "The platform about itself."),
        ],
        components=Components(
            security_schemes={
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="An API key: `sr_…`"
                )
            }
        ),
        security=[{"key": []}],
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(
            f"{PREFIX}/openapi", route_handlers=[], include_in_schema=False, opt=needs("anyone")
        ),
    )
