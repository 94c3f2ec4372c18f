"""What is asked of the manifests beyond the schemas of Kubernetes. A rule yields what it finds, object first."""
import re

from objects import SECRET_KEYS, containers, environment, is_meshd, labels, name, of_kind, selects, template, workloads

NAMESPACE = "distributedai"
CLUSTER_WIDE = ("Namespace", "StorageClass")
VOLUMES = {"configMap", "secret", "emptyDir", "projected", "downwardAPI", "persistentVolumeClaim"}
SERVED_BY_CLOUDS = {"premium-rwo", "managed-csi-premium"}  # storage classes that GKE and AKS bring


QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def marks(objects):
    """Labels and annotations as an API server takes them, which no schema says."""
    for one in objects:
        inner = template(one).get("metadata", {}) if any(one is workload for workload in workloads(objects)) else {}
        for metadata in (one["metadata"], inner):
            for key, value in {**metadata.get("labels", {}), **metadata.get("annotations", {})}.items():
                if not QUALIFIED.fullmatch(key):
                    yield f"{name(one)}: the mark {key!r} is no qualified name"
                if not isinstance(value, str):
                    yield f"{name(one)}: the mark {key} is {value!r}, not a text"


def identities(objects):
    seen = set()
    for one in objects:
        key = (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        if key in seen:
            yield f"{name(one)}: is there twice"
        seen.add(key)
        wanted = None if one["kind"] in CLUSTER_WIDE else NAMESPACE
        if one["metadata"].get("namespace") != wanted:
            yield f"{name(one)}: is in namespace {one['metadata'].get('namespace')}, not {wanted}"
        if one["kind"] == "Secret":
            yield f"{name(one)}: secrets are no part of the manifests"
    for kind in ("enforce", "audit", "warn"):
        for one in of_kind(objects, "Namespace"):
            if one["metadata"].get("labels", {}).get(f"pod-security.kubernetes.io/{kind}") != "restricted":
                yield f"{name(one)}: does not {kind} Pod Security restricted"
    if not of_kind(objects, "Namespace"):
        yield f"Namespace/{NAMESPACE}: is missing"


def rights(objects):
    for one in workloads(objects):
        pod = template(one)["spec"]
        whole = pod.get("securityContext", {})
        if whole.get("runAsNonRoot") is not True or not whole.get("runAsUser"):
            yield f"{name(one)}: may run as root"
        if whole.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name(one)}: has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name(one)}: gets a token of the API server"
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(key):
                yield f"{name(one)}: {key}"
        for volume in pod.get("volumes", []):
            for kind in set(volume) - {"name"} - VOLUMES:
                yield f"{name(one)}: volume {volume['name']} is a {kind}"
        for container in containers(one):
            own = container.get("securityContext", {})
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{name(one)}: {container['name']} can write to its root"
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield f"{name(one)}: {container['name']} may gain privileges"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name(one)}: {container['name']} has capabilities"


def bounds(objects):
    for one in workloads(objects):
        for container in containers(one):
            where = f"{name(one)}: {container['name']}"
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
                yield f"{where} needs requests of cpu and memory, and a limit of memory"
            tag = re.search(r":([^:/@]+)$", container["image"])
            if "@sha256:" not in container["image"] and (not tag or not re.match(r"v?\d", tag[1])):
                yield f"{where}: image {container['image']} is not pinned"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe") if one["kind"] != "Job" else ():
                if probe not in container:
                    yield f"{where} has no {probe}"
        for volume in template(one)["spec"].get("volumes", []):
            if "sizeLimit" not in volume.get("emptyDir", {"sizeLimit": ""}):
                yield f"{name(one)}: volume {volume['name']} has no sizeLimit"


def disruption(objects):
    budgets = of_kind(objects, "PodDisruptionBudget")
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(objects, "HorizontalPodAutoscaler")}
    for one in workloads(objects):
        if one["kind"] == "Job":
            continue
        if sum(selects(budget["spec"]["selector"], labels(one)) for budget in budgets) != 1:
            yield f"{name(one)}: not exactly one PodDisruptionBudget takes its pods"
        if one["kind"] != "Deployment":
            continue
        reason = "mesh/no-autoscaling" in one["metadata"].get("annotations", {})
        if (one["metadata"]["name"] in scaled) == reason:
            yield f"{name(one)}: needs either an autoscaler or a reason (annotation mesh/no-autoscaling)"
        if one["metadata"]["name"] in scaled and "replicas" in one["spec"]:
            yield f"{name(one)}: replicas would undo what its autoscaler has set"
        keys = {spread["topologyKey"] for spread in template(one)["spec"].get("topologySpreadConstraints", [])}
        if keys != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{name(one)}: is not spread over zones and nodes"
        if one["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"{name(one)}: a rollout takes pods away before new ones are ready"


def network(objects):
    policies = of_kind(objects, "NetworkPolicy")
    deny = [one["spec"] for one in policies if one["spec"]["podSelector"] == {} and not {"ingress", "egress"} & set(one["spec"])]
    if not any(set(spec["policyTypes"]) == {"Ingress", "Egress"} for spec in deny):
        yield "NetworkPolicy/default-deny: nothing denies what no other policy allows"
    for one in policies:
        selector = one["spec"]["podSelector"]
        taken = [pod for pod in workloads(objects) if selects(selector, labels(pod))]
        if selector and not taken:
            yield f"{name(one)}: takes no pod"
        named = {port["name"] for pod in taken for container in containers(pod) for port in container.get("ports", [])}
        for rule in one["spec"].get("ingress", []):
            if "from" not in rule or "ports" not in rule:
                yield f"{name(one)}: lets in from anywhere, or to any port"
            # Of the tenants' ports the one pod of `minimal` has all, another overlay's pods one each.
            for port in rule.get("ports", []):
                if isinstance(port["port"], str) and port["port"] not in named:
                    yield f"{name(one)}: no pod has a port {port['port']}"
        for rule in one["spec"].get("egress", []):
            if "to" not in rule or "ports" not in rule:
                yield f"{name(one)}: lets out to anywhere, or to any port"


def references(objects):
    there = {(one["kind"], one["metadata"]["name"]) for one in objects}
    used = set()
    missing = lambda one, kind, what: f"{name(one)}: {kind} {what} is not there"
    for one in workloads(objects):
        pod = template(one)["spec"]
        account = pod.get("serviceAccountName", "default")
        used.add(("ServiceAccount", account))
        if ("ServiceAccount", account) not in there:
            yield missing(one, "ServiceAccount", account)
        wanted = [(v["configMap"]["name"], v["configMap"].get("optional")) for v in pod.get("volumes", []) if "configMap" in v]
        secrets = [(v["secret"]["secretName"], item["key"]) for v in pod.get("volumes", []) if "secret" in v
                   for item in v["secret"].get("items", [{"key": None}])]
        for container in containers(one):
            wanted += [(source["configMapRef"]["name"], False) for source in container.get("envFrom", [])]
            for variable in container.get("env", []):
                if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                    secrets.append((ref["name"], ref["key"]))
            volumes = {v["name"] for v in pod.get("volumes", [])} | {c["metadata"]["name"] for c in one["spec"].get("volumeClaimTemplates", [])}
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield missing(one, "volume", mount["name"])
            for value in environment(objects, container).values():
                secrets += [("mesh-secrets", key) for key in re.findall("/run/secrets/mesh/([a-z_]+)", value or "")]
        for config, optional in wanted:
            used.add(("ConfigMap", config))
            if not optional and ("ConfigMap", config) not in there:
                yield missing(one, "ConfigMap", config)
        for secret, key in secrets:
            if key not in {*SECRET_KEYS.get(secret, ()), None} or secret not in SECRET_KEYS:
                yield missing(one, "Secret", f"{secret}, key {key}")
        if one["kind"] == "StatefulSet":
            if ("Service", one["spec"]["serviceName"]) not in there:
                yield missing(one, "Service", one["spec"]["serviceName"])
            for claim in one["spec"].get("volumeClaimTemplates", []):
                storage = claim["spec"].get("storageClassName")
                if not storage and of_kind(objects, "StorageClass"):
                    yield f"{name(one)}: claim {claim['metadata']['name']} names no StorageClass, and a cluster need not have a default one"
                if storage and ("StorageClass", storage) not in there and storage not in SERVED_BY_CLOUDS:
                    yield missing(one, "StorageClass", storage)
    for one in of_kind(objects, "HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in there:
            yield missing(one, target["kind"], target["name"])
    for one in of_kind(objects, "Service"):
        taken = [pod for pod in workloads(objects) if selects(one["spec"]["selector"], labels(pod))]
        if not taken:
            yield f"{name(one)}: takes no pod"
        for port in one["spec"]["ports"]:
            for pod in taken:
                named = {p["name"] for container in containers(pod) for p in container.get("ports", [])}
                if port["targetPort"] not in named:
                    yield f"{name(one)}: {name(pod)} has no port {port['targetPort']}"
    for one in of_kind(objects, "ConfigMap", "ServiceAccount"):
        if (one["kind"], one["metadata"]["name"]) not in used:
            yield f"{name(one)}: nothing uses it"


def versions(objects, of_project, of_compose):
    """One version of each image, wherever it stands."""
    for one in workloads(objects):
        for container in containers(one):
            image, _, tag = container["image"].rpartition(":")
            wanted = of_project if is_meshd(container) else of_compose.get(image)
            if tag.removesuffix("-unprivileged") != wanted:
                yield f"{name(one)}: {container['image']}, elsewhere {wanted}"


RULES = (marks, identities, rights, bounds, disruption, network, references)
