"""The tests' second way to get servers: testcontainers, where a container engine runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from minio import Minio
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs
from testcontainers.postgres import PostgresContainer

from deploy.local.credentials import SERVICES
from deploy.local.wiring import USES_STORE, variable

S3_KEY, S3_SECRET, S3_BUCKET = "strongroom", uuid4().hex, "strongroom"


@contextmanager
def servers_in_containers() -> Iterator[dict[str, str]]:
    """Run PostgreSQL, NATS and MinIO; yield the variables that name them to the services."""
    with ExitStack() as containers:
        postgres = containers.enter_context(PostgresContainer("postgres:18-alpine"))
        nats = containers.enter_context(_nats())
        store = containers.enter_context(_minio())
        nats_url = f"nats://{nats.get_container_host_ip()}:{nats.get_exposed_port(4222)}"
        s3 = f"{store.get_container_host_ip()}:{store.get_exposed_port(9000)}"
        Minio(s3, access_key=S3_KEY, secret_key=S3_SECRET, secure=False).make_bucket(S3_BUCKET)
        variables = {variable(service, "nats_url"): nats_url for service in SERVICES}
        for service in SERVICES:
            variables[variable(service, "database_url")] = _own_database(postgres, service)
        for service in USES_STORE:
            variables[variable(service, "store_url")] = (
                f"s3://{S3_KEY}:{S3_SECRET}@{s3}/{S3_BUCKET}?tls=false"
            )
        store_url = variables[variable("gateway", "store_url")]
        variables[variable("gateway", "store_public_url")] = store_url
        yield variables


def _own_database(postgres: PostgresContainer, service: str) -> str:
    """Make the role and the schema of ``service`` and return its address."""
    password = uuid4().hex
    statements = (
        f"CREATE ROLE {service} LOGIN PASSWORD '{password}'",
        f"CREATE SCHEMA {service} AUTHORIZATION {service}",
        f"ALTER ROLE {service} SET search_path = {service}",
    )
    for statement in statements:
        postgres.exec(["psql", "-U", postgres.username, "-d", postgres.dbname, "-c", statement])
    host, port = postgres.get_container_host_ip(), postgres.get_exposed_port(5432)
    return f"postgres://{service}:{password}@{host}:{port}/{postgres.dbname}"


@contextmanager
def _nats() -> Iterator[DockerContainer]:
    container = DockerContainer("nats:2.12-alpine").with_command("-js").with_exposed_ports(4222)
    with container:
        wait_for_logs(container, "Server is ready")
        yield container


@contextmanager
def _minio() -> Iterator[DockerContainer]:
    container = (
        DockerContainer("minio/minio:latest")
        .with_env("MINIO_ROOT_USER", S3_KEY)
        .with_env("MINIO_ROOT_PASSWORD", S3_SECRET)
        .with_command("server /data")
        .with_exposed_ports(9000)
    )
    with container:
        wait_for_logs(container, "API:")
        yield container
