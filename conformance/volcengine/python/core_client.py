"""PyPI `volcenginesdk-core`: the universal call of `volcengine-python-sdk` 5.x."""

import volcenginesdkcore
from volcenginesdkcore.rest import ApiException
from volcenginesdkcore.universal import UniversalApi, UniversalInfo

import driver


def ask(host, step):
    configuration = volcenginesdkcore.Configuration()
    configuration.host = f"http://{host}"
    configuration.scheme = "http"
    configuration.ak = step["access_key"]
    configuration.sk = step["secret_key"]
    configuration.session_token = step["session_token"] or None
    configuration.region = "cn-north-1"
    api = UniversalApi(volcenginesdkcore.ApiClient(configuration))
    info = UniversalInfo(
        method=step["method"], service="rtc", version=step["version"], action=step["action"],
        content_type=None if step["method"] == "GET" else "application/json")
    try:
        # The SDK gives its caller the Result alone.
        return {"Result": api.do_call(info, step["request"])}
    except ApiException as refused:
        raise driver.Refused(refused.body, refused.status) from refused


driver.run("volcenginesdk-core (PyPI)", ask)
