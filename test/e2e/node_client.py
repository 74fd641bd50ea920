"""node-postgres, the client itself, where it is installed."""

import json
import os
import shutil
import subprocess

import pytest

PROGRAM = """
const {{ Client }} = require('pg');
(async () => {{
  const client = new Client({{ connectionString: process.env.DATABASE_URL }});
  await client.connect();
  const rows = async (text, values) => (await client.query({{ text, values, rowMode: 'array' }})).rows;
  const run = async (argument) => {{ {body} }};
  console.log(JSON.stringify(await run(JSON.parse(process.argv[1]))));
  await client.end();
}})();
"""


def node_environment(school, *more):
    """The variables for a program that uses node-postgres, and more packages. Skips the test where they are not installed."""
    paths = [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]
    environment = os.environ | {"NODE_PATH": ":".join(filter(None, paths)), "DATABASE_URL": school.cluster.url(school.database)}
    needed = "; ".join(f"require('{package}')" for package in ("pg", *more))
    if not shutil.which("node") or subprocess.run(["node", "-e", needed], env=environment, capture_output=True).returncode != 0:
        pytest.skip(f"node-postgres is not installed (of Debian: node-pg; of npm: pg, with NODE_PATH){''.join(f', or {name} is not' for name in more)}")
    return environment


def run_in_node(school, body, argument):
    """What the body of a JavaScript function returns, which has `rows(statement, values)` and `argument`."""
    environment = node_environment(school)
    done = subprocess.run(["node", "-e", PROGRAM.format(body=body), json.dumps(argument)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
