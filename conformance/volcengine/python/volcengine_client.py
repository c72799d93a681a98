"""PyPI `volcengine`: the generic `Service`, as its callers use it for RTC."""

import json

import requests
from volcengine.ApiInfo import ApiInfo
from volcengine.Credentials import Credentials
from volcengine.ServiceInfo import ServiceInfo
from volcengine.base.Service import Service

import driver


def ask(host, step):
    credentials = Credentials(step["access_key"], step["secret_key"], "rtc", "cn-north-1",
                              step["session_token"])
    query = {"Action": step["action"], "Version": step["version"]}
    service = Service(
        ServiceInfo(host, {"Accept": "application/json"}, credentials, 5, 5, "http"),
        {step["action"]: ApiInfo(step["method"], "/", query, {}, {})})
    if step["via"] == "presigned":
        return presigned(service, host, step)
    try:
        if step["method"] == "GET":
            return json.loads(service.get(step["action"], step["request"]))
        return json.loads(service.json(step["action"], {}, json.dumps(step["request"])))
    except requests.RequestException:
        raise
    except Exception as refused:  # The SDK raises a bare Exception around the body, and no status.
        raise driver.Refused(refused.args[0]) from refused


def presigned(service, host, step):
    is_get = step["method"] == "GET"
    url = service.get_sign_url(step["action"], step["request"] if is_get else {})
    body = None if is_get else json.dumps(step["request"])
    answer = requests.request(step["method"], f"http://{host}/?{url}{step['append']}", data=body,
                              headers={"Content-Type": "application/json"}, timeout=5)
    if answer.status_code != 200:
        raise driver.Refused(answer.text, answer.status_code)
    return answer.json()


driver.run("volcengine (PyPI)", ask)
