"""Offences that the checks must find: each alone, in an overlay that has none."""
import copy

from objects import name, template


def get(objects, what):
    return next(one for one in objects if name(one) == what or name(one).startswith(what + "-") and one["kind"] == "ConfigMap")


def pod(objects, what):
    return template(get(objects, what))["spec"]


def container(objects, what):
    return pod(objects, what)["containers"][0]


def without(objects, what):
    objects.remove(get(objects, what))


def unfilled(objects, variable):
    get(objects, "ConfigMap/mesh-environment")["data"][variable] = ""


USERS = "Deployment/user-service"
# (what the finding begins with, a word of it, what is done to the objects of `local` or, where it says so, `eks`)
OFFENCES = [
    (USERS, "qualified name", lambda o: get(o, USERS)["metadata"]["annotations"].update({"for trying out": "x"})),
    (USERS, "not a text", lambda o: get(o, USERS)["metadata"]["labels"].update({"mesh/step": None})),
    (USERS, "is there twice", lambda o: o.append(copy.deepcopy(get(o, USERS)))),
    ("Service/admin", "namespace", lambda o: get(o, "Service/admin")["metadata"].update(namespace="default")),
    ("Secret/mesh-secrets", "no part", lambda o: o.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mesh-secrets", "namespace": "distributedai"}})),
    ("Namespace/distributedai", "enforce", lambda o: get(o, "Namespace/distributedai")["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce")),
    ("Namespace/distributedai", "missing", lambda o: without(o, "Namespace/distributedai")),
    (USERS, "root", lambda o: pod(o, USERS)["securityContext"].pop("runAsNonRoot")),
    (USERS, "seccomp", lambda o: pod(o, USERS)["securityContext"].pop("seccompProfile")),
    (USERS, "token", lambda o: pod(o, USERS).pop("automountServiceAccountToken")),
    (USERS, "hostNetwork", lambda o: pod(o, USERS).update(hostNetwork=True)),
    (USERS, "hostPath", lambda o: pod(o, USERS)["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
    (USERS, "write to its root", lambda o: container(o, USERS)["securityContext"].pop("readOnlyRootFilesystem")),
    (USERS, "privileges", lambda o: container(o, USERS)["securityContext"].update(allowPrivilegeEscalation=True)),
    (USERS, "capabilities", lambda o: container(o, USERS)["securityContext"]["capabilities"].update(add=["NET_ADMIN"])),
    (USERS, "needs requests", lambda o: container(o, USERS)["resources"].pop("limits")),
    (USERS, "not pinned", lambda o: container(o, USERS).update(image="mesh:latest")),
    (USERS, "not pinned", lambda o: container(o, USERS).update(image="mesh")),
    (USERS, "elsewhere", lambda o: container(o, USERS).update(image="mesh:9.9.9")),
    ("StatefulSet/redis", "elsewhere", lambda o: container(o, "StatefulSet/redis").update(image="redis:7.0.14")),
    (USERS, "startupProbe", lambda o: container(o, USERS).pop("startupProbe")),
    (USERS, "readinessProbe", lambda o: container(o, USERS).pop("readinessProbe")),
    (USERS, "sizeLimit", lambda o: pod(o, USERS)["volumes"].append({"name": "more", "emptyDir": {}})),
    (USERS, "PodDisruptionBudget", lambda o: without(o, "PodDisruptionBudget/user-service")),
    (USERS, "autoscaler", lambda o: get(o, USERS)["metadata"].pop("annotations")),
    (USERS, "would undo", lambda o: get(o, USERS)["spec"].update(replicas=3), "eks"),
    (USERS, "spread", lambda o: pod(o, USERS).pop("topologySpreadConstraints")),
    (USERS, "takes pods away", lambda o: get(o, USERS)["spec"].pop("strategy")),
    ("NetworkPolicy/default-deny", "denies", lambda o: without(o, "NetworkPolicy/default-deny")),
    ("NetworkPolicy/redis", "takes no pod", lambda o: get(o, "NetworkPolicy/redis")["spec"]["podSelector"]["matchLabels"].update({"app.kubernetes.io/name": "other"})),
    ("NetworkPolicy/redis", "from anywhere", lambda o: get(o, "NetworkPolicy/redis")["spec"]["ingress"][0].pop("from")),
    ("NetworkPolicy/redis", "no pod has a port", lambda o: get(o, "NetworkPolicy/redis")["spec"]["ingress"][0].update(ports=[{"port": "other"}])),
    ("NetworkPolicy/names", "to anywhere", lambda o: get(o, "NetworkPolicy/names")["spec"]["egress"][0].pop("to")),
    (USERS, "ConfigMap", lambda o: without(o, "ConfigMap/mesh-environment")),
    (USERS, "ServiceAccount", lambda o: without(o, "ServiceAccount/user-service")),
    (USERS, "volume", lambda o: pod(o, USERS)["volumes"].clear()),
    (USERS, "key reids_password", lambda o: container(o, USERS)["env"].append({"name": "MESH_REDIS_PASSWORD_FILE", "value": "/run/secrets/mesh/reids_password"})),
    ("StatefulSet/qdrant", "key other", lambda o: container(o, "StatefulSet/qdrant")["env"][0]["valueFrom"]["secretKeyRef"].update(key="other")),
    ("StatefulSet/qdrant", "Service", lambda o: without(o, "Service/qdrant")),
    ("StatefulSet/qdrant", "names no StorageClass", lambda o: get(o, "StatefulSet/qdrant")["spec"]["volumeClaimTemplates"][0]["spec"].pop("storageClassName"), "eks"),
    ("StatefulSet/qdrant", "StorageClass", lambda o: without(o, "StorageClass/distributedai-gp3"), "eks"),
    ("HorizontalPodAutoscaler/pipelines", "is not there", lambda o: without(o, "Deployment/pipelines"), "eks"),
    ("Service/admin", "takes no pod", lambda o: get(o, "Service/admin")["spec"].update(selector={"app.kubernetes.io/name": "other"})),
    ("Service/admin", "no port", lambda o: get(o, "Service/admin")["spec"]["ports"][0].update(targetPort="other")),
    ("ConfigMap/unused", "nothing uses it", lambda o: o.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unused", "namespace": "distributedai"}})),
]
# The same for what the schemas say of one object.
MALFORMED = [
    (USERS, "1.30", lambda o: get(o, USERS)["spec"].update(replicaz=1)),
    (USERS, "1.37", lambda o: container(o, USERS)["ports"][0].update(containerPort="http")),
]
# And meshd.
REFUSALS = [
    (USERS, "roles", lambda o: container(o, USERS)["env"][0].update(value="user")),
    (USERS, "unknown key", lambda o: get(o, "ConfigMap/mesh-config")["data"].update({"meshd.yaml": "rolls: [users]"})),
    (USERS, "its ports are", lambda o: container(o, USERS)["env"][0].update(value="gateway,admin")),
    (USERS, "postgres.dsn", lambda o: unfilled(o, "MESH_POSTGRES_DSN"), "eks"),
    (USERS, "qdrant.url", lambda o: unfilled(o, "MESH_QDRANT_URL"), "eks"),
    (USERS, "redis.url", lambda o: unfilled(o, "MESH_REDIS_URL"), "eks"),
    (USERS, "auth.jwt.issuer", lambda o: unfilled(o, "MESH_JWT_ISSUER"), "eks"),
    (USERS, "auth.jwt.audience", lambda o: unfilled(o, "MESH_JWT_AUDIENCE"), "eks"),
    (USERS, "jwks_url", lambda o: unfilled(o, "MESH_JWKS_URL"), "eks"),
    (USERS, "kafka.username", lambda o: unfilled(o, "MESH_KAFKA_USERNAME"), "eks"),
    (USERS, "is killed after", lambda o: pod(o, USERS).update(terminationGracePeriodSeconds=34)),
]


def missed(local, eks, rules, schemas, refused):
    """How many offences pass; says which."""
    bad = 0
    # Of the whole overlay schemas would take a minute.
    malformed = lambda objects: schemas([get(objects, USERS)])
    for check, offences in ((rules, OFFENCES), (malformed, MALFORMED), (refused, REFUSALS)):
        for begins, word, plant, *where in offences:
            objects = copy.deepcopy(eks if where else local)
            plant(objects)
            found = [str(one) for one in check(objects)]
            if not any(one.startswith(begins + ":") and word in one for one in found):
                print(f"kubernetes: planted: {begins}, '{word}' is not found, but: {found}")
                bad += 1
    return bad
