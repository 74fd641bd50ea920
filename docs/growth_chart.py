#!/usr/bin/python3
"""Draws docs/growth_chart.svg anew, as `make picture` does: a private server, docs/growth_chart.sql, wc_growth_chart_svg."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test"))

from servers import Cluster, Ground  # noqa: E402

DRAW = "SELECT wc_growth_chart_svg('made-up'::text, 'bmi', 760, 480)"

if __name__ == "__main__":
    with Ground("picture") as ground, Cluster(ground) as cluster:
        cluster.create_database("picture")
        cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public'); SELECT wc_attach('public');", "picture")
        cluster.psql_file(HERE / "growth_chart.sql", "picture")
        with cluster.connect("picture") as connection:
            (HERE / "growth_chart.svg").write_text(connection.execute(DRAW).fetchone()[0])
