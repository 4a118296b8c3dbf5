# SPDX-License-Identifier: Apache-2.0
"""conf/weir.schema.json takes what weir takes and refuses what an editor can know to be wrong."""
import json
import pathlib

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "conf/weir.schema.json").read_text())

GOOD = """
workers: auto
log: {level: info, format: text, access: off}
connection: {idle_timeout: 0}
rules: {memory: 16m, wall_time: 30s, on_error: fail}
virtual_servers:
  shop:
    listen: ["0.0.0.0:8080", "[::]:8080"]
    protocol: http
    capture: {mode: redirect, interface: eth1, ports: [80], to: ["0.0.0.0/0"]}
    request_rules: [choose-pool, {rule: other, run: once_per_connection, enabled: false}]
    response_rules: one
    pool: web
    timeouts: {connect: 10s, idle: 300s, keepalive: 10s, transaction: 0}
    connection: {max_client_buffer: 65536}
pools:
  web:
    nodes: ["10.0.0.11:80", {address: "[fd00::1]:80", weight: 3, state: draining}]
    algorithm: least_connections
  anywhere: {nodes: original_destination, transparent: true}
"""

BAD = [
    "wrokers: 1",
    "workers: 0",
    "workers: '4'",
    "log: {level: loud}",
    "shutdown_timeout: 10",
    "shutdown_timeout: 10d",
    "rules: {memory: 16x}",
    "virtual_servers: {a: {listen: '1.2.3.4:80'}}",
    "virtual_servers: {a: {pool: web}}",
    "virtual_servers: {a: {pool: web, listen: []}}",
    "virtual_servers: {a: {pool: web, listen: 'host:80'}}",
    "virtual_servers: {a: {pool: web, listen: '1.2.3.4:80', protocol: smtp}}",
    "virtual_servers: {a: {pool: web, listen: '1.2.3.4:80', port: 80}}",
    "virtual_servers: {a: {pool: web, listen: '1.2.3.4:80', enabled: 1}}",
    "virtual_servers: {a: {pool: web, listen: '1.2.3.4:80', capture: {ports: 80}}}",
    "virtual_servers: {a: {pool: web, listen: '1.2.3.4:80', request_rules: [{run: every}]}}",
    "virtual_servers: {'a b': {pool: web, listen: '1.2.3.4:80'}}",
    "pools: {p: {}}",
    "pools: {p: {nodes: []}}",
    "pools: {p: {nodes: ['1.2.3.4:5', {weight: 3}]}}",
    "pools: {p: {nodes: [{address: '1.2.3.4:5', weight: 101}]}}",
    "pools: {p: {nodes: '1.2.3.4:5', algorithm: roundrobin}}",
    "pools: {p: {nodes: '1.2.3.4:5', timeouts: {connect: 0}}}",
]


def is_valid(text):
    return jsonschema.Draft7Validator(SCHEMA).is_valid(yaml.safe_load(text))


def test_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [GOOD, (ROOT / "conf/weir.yaml").read_text()])
def test_good_configurations_pass(text):
    assert is_valid(text)


@pytest.mark.parametrize("text", BAD)
def test_bad_configurations_do_not(text):
    assert not is_valid(text)
