"""Rules and alerts for Prometheus: each alert fires when it should, and is quiet when all is well."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config/prometheus"

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


def counter(step):
    return f"0+{step}x120"


def constant(value):
    return f"{value}+0x120"


def histogram(function, slow_share):
    """Calls of a function, 100 in each interval, of which so many took longer than two seconds."""
    fast = 100 - slow_share
    name = "wc_function_duration_seconds"
    labels = f'job="wc-worker",function="{function}"'
    return {f'{name}_bucket{{{labels},le="0.1"}}': counter(fast), f'{name}_bucket{{{labels},le="2"}}': counter(fast),
            f'{name}_bucket{{{labels},le="4"}}': counter(100), f'{name}_bucket{{{labels},le="+Inf"}}': counter(100),
            f"{name}_count{{{labels}}}": counter(100)}


WORKER = '{job="wc-worker"}'
HEALTHY = {
    f"up{WORKER}": constant(1),
    f"wc_worker_is_drainer{WORKER}": constant(1),
    f"wc_worker_epoch_open{WORKER}": constant(1),
    f"wc_worker_queue_oldest_seconds{WORKER}": constant(0.1),
    f"wc_worker_prewarm_busy{WORKER}": constant(2),
    f"wc_worker_prewarm_connections_limit{WORKER}": constant(10),
    f"wc_worker_prewarm_backlog{WORKER}": constant(5),
    'wc_audit_stale_total{job="wc-worker",kind="health_summary"}': constant(3),
    'wc_audit_checked_total{job="wc-worker",kind="health_summary"}': counter(15),
    'wc_scrape_age_seconds{job="wc-worker",server="postgres"}': constant(2),
    'wc_export_lost_total{job="wc-worker",destination="webhook",reason="full"}': constant(3),
    'wc_function_errors_total{job="wc-worker",function="wc_health_summary"}': counter(0),
    'wc_cache_reads_total{job="wc-worker",result="hit"}': counter(950),
    'wc_cache_reads_total{job="wc-worker",result="miss"}': counter(50),
    **histogram("wc_health_summary", 1),
    **histogram("wc_search_health_records", 1),
}

SICK = {
    "WcWorkerAbsent": {f"up{WORKER}": constant(0)},
    "WcNobodyDrains": {f"wc_worker_is_drainer{WORKER}": constant(0)},
    "WcEpochClosed": {f"wc_worker_epoch_open{WORKER}": constant(0)},
    "WcStaleValue": {'wc_audit_stale_total{job="wc-worker",kind="health_summary"}': "0x110 1x10"},
    "WcQueueOld": {f"wc_worker_queue_oldest_seconds{WORKER}": constant(11)},
    "WcSummarySlow": histogram("wc_health_summary", 20),
    "WcSearchSlow": histogram("wc_search_health_records", 20),
    "WcErrors": {'wc_function_errors_total{job="wc-worker",function="wc_health_summary"}': counter(5)},
    "WcCacheMisses": {'wc_cache_reads_total{job="wc-worker",result="miss"}': counter(400)},
    "WcPoolFull": {f"wc_worker_prewarm_busy{WORKER}": constant(10)},
    "WcExportLost": {'wc_export_lost_total{job="wc-worker",destination="webhook",reason="full"}': counter(1)},
    "WcFiguresOld": {'wc_scrape_age_seconds{job="wc-worker",server="postgres"}': constant(90)},
}


def alerts():
    return re.findall(r"- alert: (\w+)", (CONFIG / "alerts.yml").read_text())


def firing(tmp_path, series):
    """The names of the alerts that fire half an hour into these series: promtool expects none, and names those that do."""
    case = {"interval": "15s", "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"eval_time": "30m", "alertname": alert, "exp_alerts": []} for alert in alerts()]}
    file = tmp_path / "test.json"
    file.write_text(json.dumps({"rule_files": [str(CONFIG / "rules.yml"), str(CONFIG / "alerts.yml")],
                                "evaluation_interval": "15s", "tests": [case]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    said = done.stdout + done.stderr
    names = re.findall(r"alertname: ?(\w+)", said)
    assert bool(names) == (done.returncode != 0), said
    return names


def test_each_alert_has_its_case():
    assert sorted(alerts()) == sorted(SICK)


@needs_promtool
def test_the_rules_are_well_formed():
    done = subprocess.run(["promtool", "check", "rules", CONFIG / "rules.yml", CONFIG / "alerts.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["promtool", "check", "config", CONFIG / "prometheus.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_no_alert_fires_when_all_is_well(tmp_path):
    assert firing(tmp_path, HEALTHY) == []


@needs_promtool
@pytest.mark.parametrize("alert", SICK)
def test_only_the_alert_fires_that_should(alert, tmp_path):
    assert firing(tmp_path, HEALTHY | SICK[alert]) == [alert]


@needs_promtool
def test_a_worker_that_is_not_scraped_at_all_is_absent(tmp_path):
    assert firing(tmp_path, {"up{job=\"other\"}": constant(1)}) == ["WcWorkerAbsent"]


@needs_promtool
def test_the_metrics_are_as_prometheus_wants_them(worker, cache):
    cache.until_drained()
    done = subprocess.run(["promtool", "check", "metrics"], input=worker.get("/metrics")[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_of_the_rules_is_one_of_the_worker():
    source = "\n".join(path.read_text() for path in (ROOT / "worker/metrics").glob("*.cpp"))
    known = set(re.findall(r'"(wc_[a-z_]+)"', source))
    used = set(re.findall(r"\b(wc_[a-z_]+?)(?:_bucket|_count|_sum)?(?=[{\[) ]|$)",
                          "\n".join(re.findall(r"expr: (.*)", (CONFIG / "alerts.yml").read_text() + (CONFIG / "rules.yml").read_text()))))
    used -= {"wc_health_summary", "wc_search_health_records"}
    assert used and used <= known
