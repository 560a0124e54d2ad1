"""OpenStack Swift with its S3 API in one process: the proxy and one account, container and object server.

A production store in its smallest form: one disk, one replica. It needs a process of its own because Swift replaces the blocking
calls of the standard library. Writes the proxy's port to `port` in its folder once it serves.

usage: python -m lms_graph.embedded.swift_server FOLDER REGION ACCESS_KEY_ID SECRET_ACCESS_KEY
"""

# ruff: noqa: E402 — the patch must come before anything that opens a socket.
from swift.common.utils import monkey_patch

monkey_patch()

import sys
from collections.abc import Mapping
from pathlib import Path

import eventlet
import eventlet.wsgi
from swift.common import utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.storage_policy import reload_storage_policies
from swift.common.utils.logs import get_swift_logger
from swift.common.wsgi import loadapp

BACKENDS = ("account", "container", "object")
# The order matters to Swift.
PIPELINE = ["catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "s3api", "tempauth", "copy", "slo", "dlo", "versioned_writes", "symlink"]


def main(folder: Path, region: str, access_key_id: str, secret: str) -> None:
    etc = folder / "etc"
    etc.mkdir(parents=True, exist_ok=True)
    (folder / "disks" / "d1").mkdir(parents=True, exist_ok=True)
    get_swift_logger.console_handler4logger = {}  # its switch for logging to standard error, which has no setting

    # Listening comes first: the rings must name ports that are ours already.
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in ("proxy", *BACKENDS)}
    ports = {name: listener.getsockname()[1] for name, listener in sockets.items()}
    write_configuration(etc, folder / "disks", region, access_key_id, secret)
    utils.set_swift_dir(str(etc))
    utils.validate_configuration()
    reload_storage_policies()
    for name in BACKENDS:
        write_ring(etc / f"{name}.ring.gz", ports[name])

    servers = [
        eventlet.spawn(
            eventlet.wsgi.server,
            listener,
            loadapp(str(etc / f"{name}-server.conf"), global_conf={"log_name": f"swift-{name}"}),
            log=Silence(),
            protocol=SwiftHttpProtocol,
            capitalize_response_headers=False,
        )
        for name, listener in sockets.items()
    ]
    unfinished = folder / "port.new"
    unfinished.write_text(str(ports["proxy"]))
    unfinished.rename(folder / "port")
    for server in servers:
        server.wait()


def write_configuration(etc: Path, disks: Path, region: str, access_key_id: str, secret: str) -> None:
    write(
        etc / "swift.conf",
        {
            # Part of where each object lies on the disk: never to change.
            "swift-hash": {"swift_hash_path_prefix": "lms", "swift_hash_path_suffix": "lms"},
            "storage-policy:0": {"name": "default", "default": "yes"},
        },
    )
    common = {
        "swift_dir": etc,
        "devices": disks,
        "mount_check": "false",
        "disable_fallocate": "true",
        "log_level": "WARNING",
        "log_address": etc / "no-syslog",
    }
    for name in BACKENDS:
        write(
            etc / f"{name}-server.conf",
            {
                "DEFAULT": common,
                "pipeline:main": {"pipeline": f"{name}-server"},
                f"app:{name}-server": {"use": f"egg:swift#{name}"},
            },
        )
    account, _, user = access_key_id.partition(":")
    options = {
        "tempauth": {f"user_{account}_{user}": f"{secret} .admin"},
        "s3api": {"location": region, "dns_compliant_bucket_names": "false", "cors_preflight_allow_origin": "*"},
        "versioned_writes": {"allow_object_versioning": "true"},
    }
    proxy: dict[str, Mapping[str, object]] = {
        # Browsers upload to signed addresses from any storefront's origin; the signature is what protects them.
        "DEFAULT": {**common, "cors_allow_origin": "*", "cors_expose_headers": "etag"},
        "pipeline:main": {"pipeline": " ".join([*PIPELINE, "proxy-server"])},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
    }
    for name in PIPELINE:
        proxy[f"filter:{name}"] = {"use": f"egg:swift#{name}", **options.get(name, {})}
    write(etc / "proxy-server.conf", proxy)


def write(path: Path, sections: Mapping[str, Mapping[str, object]]) -> None:
    lines = [line for section, settings in sections.items() for line in (f"[{section}]", *(f"{key} = {value}" for key, value in settings.items()))]
    path.write_text("\n".join(lines) + "\n")


def write_ring(path: Path, port: int) -> None:
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    address = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "", **address})
    ring.rebalance()
    ring.get_ring().save(str(path))


class Silence:
    """An access log for nobody; errors reach the log through Swift's own logger."""

    def write(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:5])
