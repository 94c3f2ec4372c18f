"""What moto has, and answers otherwise than AWS does."""

import base64
import inspect
import os

from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.ec2.models import ec2_backends
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.eks.models import Cluster, EKSBackend
from moto.eks.responses import EKSResponse
from moto.elasticache.models import ElastiCacheBackend
from moto.kafka.exceptions import NotFoundException
from moto.kafka.models import FakeKafkaCluster, KafkaBackend


def after(owner, name, then):
    """then(self, result, arguments) runs after owner's method, and gives the result in its place."""
    method = getattr(owner, name)
    signature = inspect.signature(method)

    def both(self, *args, **kwargs):
        result = method(self, *args, **kwargs)
        return then(self, result, signature.bind(self, *args, **kwargs).arguments)

    setattr(owner, name, both)


def mend():
    mend_cluster()
    mend_nodes()
    mend_brokers()
    mend_redis()


def mend_cluster():
    endpoint, authority = os.environ.get("MESH_TEST_EKS_ENDPOINT"), os.environ.get("MESH_TEST_EKS_CA_FILE")

    def made(self, _result, arguments):
        if endpoint:
            self.endpoint = endpoint
        if authority:
            with open(authority, "rb") as file:
                self.certificate_authority = {"data": base64.b64encode(file.read()).decode()}
        # EKS makes a group, which control plane and nodes share.
        vpc, network = self.resources_vpc_config, ec2_backends[ACCOUNT][arguments["region_name"]]
        vpc["vpcId"] = network.describe_subnets(subnet_ids=vpc["subnetIds"])[0].vpc_id
        vpc["clusterSecurityGroupId"] = network.create_security_group(f"eks-cluster-sg-{self.name}", "made by EKS", vpc["vpcId"]).id

    def deleted(self, cluster, _arguments):
        ec2_backends[ACCOUNT][self.region_name].delete_security_group(group_id=cluster.resources_vpc_config["clusterSecurityGroupId"])
        return cluster

    def asked(self, result, _arguments):
        self.eks_backend.clusters[self._get_param("name")].access_config = self._get_param("accessConfig")
        return result

    after(Cluster, "__init__", made)
    after(EKSBackend, "delete_cluster", deleted)
    after(EKSResponse, "create_cluster", asked)


def mend_nodes():
    def asked(self, result, _arguments):
        group = self.eks_backend.clusters[self._get_param("name")].nodegroups[self._get_param("nodegroupName")]
        group.update_config = self._get_param("updateConfig")
        group.remote_access = self._get_param("remoteAccess")
        return result

    after(EKSResponse, "create_nodegroup", asked)

    # A template's own tags are not those that it gives to instances.
    def templated(self, result, _arguments):
        name = self._get_param("LaunchTemplateName")
        for version in self.ec2_backend.describe_launch_templates(template_names=[name])[0].versions:
            tags = version.data.get("TagSpecifications", [])
            version.data["TagSpecifications"] = [tag for tag in tags if tag.get("ResourceType") != "launch-template"]
        return result

    after(LaunchTemplates, "create_launch_template", templated)


def mend_brokers():
    def made(self, _result, _arguments):
        self.state = "ACTIVE"

    after(FakeKafkaCluster, "__init__", made)
    for name in ("describe_cluster", "describe_cluster_v2"):
        describe = getattr(KafkaBackend, name)

        def found(self, cluster_arn, describe=describe):
            if cluster_arn not in self.clusters:
                raise NotFoundException(f"{cluster_arn} is not there")
            return describe(self, cluster_arn)

        setattr(KafkaBackend, name, found)


def mend_redis():
    fields = [name for name in inspect.signature(ElastiCacheBackend.create_cache_cluster).parameters if name != "self"]

    def grouped(self, group, arguments):
        for member in group.member_clusters:
            described = {name: arguments.get(name) for name in fields}
            described.update(cache_cluster_id=member, replication_group_id=group.replication_group_id, tags=[])
            self.create_cache_cluster(**described)
        return group

    def ungrouped(self, group, _arguments):
        for name in [name for name, member in self.cache_clusters.items() if member.replication_group_id == group.replication_group_id]:
            del self.cache_clusters[name]
        return self.replication_groups.pop(group.replication_group_id)

    after(ElastiCacheBackend, "create_replication_group", grouped)
    after(ElastiCacheBackend, "delete_replication_group", ungrouped)
