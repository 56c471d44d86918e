"""What LIKENESS_REDIS_URL may say, and what is said of one that can't be used."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from redis.sentinel import SentinelConnectionPool

from models.errors import InvalidSettings
from worker.queue.redis_url import RedisTarget, target_of


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    made = authority.issue_cert("worker.internal")
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n")
    return tmp_path


@pytest.mark.parametrize(
    ("url", "expected", "place"),
    [
        ("redis://", {"host": "localhost", "port": 6379, "db": 0}, "redis://localhost:6379/0"),
        ("REDIS://H/", {"host": "h", "port": 6379, "db": 0}, "redis://h:6379/0"),
        ("redis://[::1]:1/2", {"host": "::1", "port": 1, "db": 2}, "redis://[::1]:1/2"),
        (
            "redis://a%40b:p%2F%3A@h/3?db=4",
            {"host": "h", "port": 6379, "db": 4, "username": "a@b", "password": "p/:"},
            "redis://h:6379/4",
        ),
        (
            "redis://h?username=u&password=p%26&socket_timeout=2.5&socket_keepalive=no&protocol=2",
            {
                "host": "h",
                "port": 6379,
                "db": 0,
                "username": "u",
                "password": "p&",
                "socket_timeout": 2.5,
                "socket_keepalive": False,
                "protocol": 2,
            },
            "redis://h:6379/0",
        ),
        (
            "rediss://:p@h:1?ssl_cert_reqs=CERT_OPTIONAL&ssl_check_hostname=0",
            {
                "host": "h",
                "port": 1,
                "db": 0,
                "password": "p",
                "ssl_cert_reqs": "optional",
                "ssl_check_hostname": False,
            },
            "rediss://h:1/0",
        ),
        ("unix:///run/a%20b.sock", {"path": "/run/a b.sock", "db": 0}, "unix:///run/a b.sock?db=0"),
        ("sentinel://:p@a/jobs?db=1", {"db": 1, "password": "p"}, "sentinel://a:26379/jobs?db=1"),
    ],
)
def test_a_url_comes_apart(url: str, expected: dict[str, Any], place: str) -> None:
    assert target_of(url).options == expected
    assert target_of(url).place == place


def test_sentinels_have_addresses_logins_and_tls_of_their_own(pem: Path) -> None:
    url = (
        f"sentinels://u:p@a,[::1]:1,c:2/jobs?ssl_ca_certs={pem / 'ca.pem'}"
        "&sentinel_username=su&sentinel_password=sp"
    )
    target = target_of(url)
    pool = target.pool({"socket_timeout": 10})
    assert isinstance(pool, SentinelConnectionPool)
    assert (pool.service_name, target.master) == ("jobs", "jobs")
    asked = [one.options for one in target.sentinels]
    assert [(one["host"], one["port"]) for one in asked] == [("a", 26379), ("::1", 1), ("c", 2)]
    assert {(one["username"], one["password"]) for one in asked} == {("su", "sp")}
    assert {one["ssl_ca_certs"] for one in asked} == {str(pem / "ca.pem")}
    assert not {name for name in target.options if name.startswith("sentinel_")}
    assert (target.options["username"], target.options["password"]) == ("u", "p")


def test_the_url_s_options_come_before_defaults() -> None:
    pool = target_of("redis://h?socket_timeout=3").pool({"socket_timeout": 10, "socket_connect_timeout": 2})
    assert pool.connection_kwargs["socket_timeout"] == 3
    assert pool.connection_kwargs["socket_connect_timeout"] == 2


def test_nothing_that_prints_has_a_secret() -> None:
    url = "sentinel://u:hunter2@h/m?sentinel_password=hunter3"
    target = target_of(url)
    assert "hunter" not in repr(target) + target.place + repr(target.pool({}))
    # Kombu tells pools apart by this.
    assert repr(target_of(url)) == repr(target)
    assert repr(target_of(url.replace("hunter2", "hunter4"))) != repr(target)
    assert isinstance(target, RedisTarget)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must be like redis://HOST:PORT/DB"),
        ("hunter2", "must be like redis://HOST:PORT/DB"),
        ("redys://:hunter2@h", "or begin with rediss://, unix://, sentinel://, sentinels://"),
        ("redis+cluster://:hunter2@h", "must be like"),
        ("redis://:hunter2@h/one", "a database's number"),
        ("redis://:hunter2@h/0/1", "a database's number"),
        ("redis://:hunter2@h:port", "a number from 1 to 65535"),
        ("redis://:hunter2@h:66666", "a number from 1 to 65535"),
        ("redis://:hunter2@[::1", "can't be read"),
        ("redis://:hunter2@a,b,c/0", "A Redis Cluster can't be used"),
        ("redis://:hun#ter2@h", "percent-encode / \\? # and @"),
        ("redis://:hun/ter2@h", "percent-encode / \\? # and @"),
        ("redis://:hun?ter2@h", "percent-encode / \\? # and @"),
        ("redis://:hun?ter2=x@h", "Write a \\? in a password as %3F"),
        ("redis://:hunter2@h?max_connections=3", "These are: client_name, db, "),
        ("redis://:hunter2@h?db=-1", "db must be a whole number"),
        ("redis://:hunter2@h?protocol=4", "protocol must be 2 or 3"),
        ("redis://:hunter2@h?socket_timeout=1", "socket_timeout must be a number of seconds, 2 or more"),
        ("redis://:hunter2@h?socket_timeout=inf", "socket_timeout must be"),
        ("redis://:hunter2@h?socket_timeout=hunter2", "socket_timeout must be"),
        ("redis://:hunter2@h?socket_keepalive=maybe", "socket_keepalive must be yes or no"),
        ("redis://:hunter2@h?ssl_cert_reqs=none", "ssl_cert_reqs needs TLS. Begin the URL with rediss://"),
        ("redis://h?sentinel_password=hunter2", "sentinel_password needs Sentinels"),
        ("rediss://:hunter2@h?ssl_cert_reqs=hunter2", "ssl_cert_reqs must be required, optional or none"),
        ("rediss://:hunter2@h?ssl_ca_certs=/hunter2", "ssl_ca_certs names a file that isn't there"),
        ("rediss://:hunter2@h?ssl_ca_path=/hunter2", "ssl_ca_path names a folder that isn't there"),
        ("rediss://:hunter2@h?ssl_ca_certs={pem}/broken.pem", "ssl_ca_certs must hold certificates as PEM"),
        ("rediss://:hunter2@h?ssl_keyfile={pem}/key.pem", "of no use without ssl_certfile"),
        ("rediss://:hunter2@h?ssl_certfile={pem}/cert.pem", "can't be loaded"),
        ("rediss://:hunter2@h?ssl_certfile={pem}/cert.pem&ssl_keyfile={pem}/ca.pem", "can't be loaded"),
        ("unix://:hunter2@", "must be like unix:///run/redis/redis.sock"),
        ("unix://run/hunter2", "must be like unix:///run/redis/redis.sock"),
        ("sentinel://:hunter2@a,b", "must be like sentinel://HOST:PORT,HOST:PORT/MASTER"),
        ("sentinel://:hunter2@a,,b/jobs", "must be like sentinel://"),
        ("sentinels://:hunter2@/jobs", "must be like sentinels://"),
        ("sentinel://:hunter2@a/jobs/0", "must be like sentinel://"),
    ],
)
def test_a_url_that_can_not_be_used_is_explained_without_being_quoted(url: str, says: str, pem: Path) -> None:
    with pytest.raises(InvalidSettings, match=says) as caught:
        target_of(url.format(pem=pem))
    assert "LIKENESS_REDIS_URL" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert "ter2" not in caught.value.message
    assert caught.value.__cause__ is None
