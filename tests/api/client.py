"""A client that openapi-python-client makes of the descriptions creates a user and finds it."""

import importlib
import shutil
import subprocess
import sys
import time
import urllib.request

# It knows no media type of lines.
CONFIG = """\
post_hooks: []
content_type_overrides: {application/x-ndjson: application/octet-stream}
"""
PATIENCE = 30  # seconds


def generate(meshd, folder):
    """A package of each listener; a word of the generator about any of them is a fault."""
    config = folder / "generator.yaml"
    config.write_text(CONFIG)
    faults = []
    for listener in meshd.addresses:
        description = folder / f"{listener}.json"
        with urllib.request.urlopen(meshd.url(listener) + "/openapi.json", timeout=60) as answer:
            description.write_bytes(answer.read())
        made = subprocess.run(
            [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning",
             "--path", description, "--config", config, "--meta", "none",
             "--output-path", folder / f"{listener}_client"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if made.returncode != 0:
            faults.append(f"no client of {listener}:\n{made.stdout}")
    return "\n".join(faults)


def import_all(folder):
    """Every module of every package: what is generated is Python."""
    for file in sorted(folder.glob("*_client/**/*.py")):
        name = ".".join(file.relative_to(folder).with_suffix("").parts)
        importlib.import_module(name.removesuffix(".__init__"))


def create_and_find(meshd):
    from gateway_client import AuthenticatedClient as GatewayClient
    from gateway_client.api.search import search_users
    from users_client import AuthenticatedClient as UsersClient
    from users_client.api.users import create_user, get_user
    from users_client.models import NewUser, User

    users = UsersClient(base_url=meshd.url("users"), token=meshd.token("users"))
    gateway = GatewayClient(base_url=meshd.url("gateway"), token=meshd.token("gateway"))

    wanted = NewUser(email="ada@acme.dev", name="Ada Lovelace")
    made = create_user.sync(client=users, body=wanted)
    if not isinstance(made, User) or (made.email, made.name) != (wanted.email, wanted.name):
        return f"createUser answered {made}"
    got = get_user.sync(made.id, client=users)
    if got != made:
        return f"getUser answered {got} instead of {made}"
    deadline = time.monotonic() + PATIENCE
    while True:  # it is searchable soon after it is durable
        found = search_users.sync(client=gateway, query="ada lovelace")
        if [hit.user_id for hit in found.results] == [made.id]:
            break
        if time.monotonic() > deadline:
            return f"searchUsers answers {found} {PATIENCE} s after user {made.id} was created"
        time.sleep(0.05)
    taken = create_user.sync_detailed(client=users, body=wanted)
    if taken.status_code != 409 or taken.parsed.status != 409:
        return f"a second user of the address was answered {taken}"
    return ""


def fault_of(meshd, logs):
    """What went wrong; nothing is good."""
    folder = logs / "clients"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if fault := generate(meshd, folder):
        return fault
    sys.path.insert(0, str(folder))
    import_all(folder)
    return create_and_find(meshd)
