"""What moto has, and answers otherwise than AWS does."""

import base64
import inspect
import os

from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.core.responses import EmptyResult
from moto.ec2.models import ec2_backends
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.eks.models import Cluster, EKSBackend
from moto.eks.responses import EKSResponse
from moto.elasticache.exceptions import CacheSubnetGroupNotFound
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse
from moto.iam.access_control import PermissionResult
from moto.kafka.exceptions import NotFoundException
from moto.kafka.models import FakeKafkaCluster, KafkaBackend
from moto.rds.models import DBInstance, DBParameterGroup
from moto.s3.models import FakeBucket


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
    mend_postgres()
    # The simulator speaks no TLS, without which the policy of the state's bucket refuses everything.
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL


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
    create = ElastiCacheBackend.create_replication_group
    fields = [name for name in inspect.signature(ElastiCacheBackend.create_cache_cluster).parameters if name != "self"]

    def grouped(self, **asked):
        asked["replicas_per_node_group"] = asked["replicas_per_node_group"] or asked["num_cache_clusters"] - 1
        group = create(self, **asked)
        for member in group.member_clusters:
            described = {name: asked.get(name) for name in fields}
            described.update(cache_cluster_id=member, replication_group_id=group.replication_group_id, tags=[])
            cluster = self.create_cache_cluster(**described)
            cluster.at_rest_encryption_enabled = asked["at_rest_encryption_enabled"]
            cluster.security_groups = [{"security_group_id": name, "status": "active"} for name in asked["security_group_ids"] or []]
        return group

    def ungrouped(self, group, _arguments):
        for name in [name for name, member in self.cache_clusters.items() if member.replication_group_id == group.replication_group_id]:
            del self.cache_clusters[name]
        return self.replication_groups.pop(group.replication_group_id)

    def delete_subnet_group(self):
        groups = self.elasticache_backend.cache_subnet_groups
        if groups.pop(self._get_param("CacheSubnetGroupName"), None) is None:
            raise CacheSubnetGroupNotFound(self._get_param("CacheSubnetGroupName"))
        return EmptyResult()

    ElastiCacheResponse.delete_cache_subnet_group = delete_subnet_group
    ElastiCacheBackend.create_replication_group = grouped
    after(ElastiCacheBackend, "delete_replication_group", ungrouped)


def mend_postgres():
    def made(self, _result, arguments):
        asked = arguments.get("kwargs", {})
        for name in ("monitoring_interval", "monitoring_role_arn", "performance_insights_kms_key_id"):
            setattr(self, name, asked.get(name))
        self.performance_insights_enabled = asked.get("enable_performance_insights", False)

    def set_by_user(self, _result, _arguments):
        for parameter in self.parameters.values():
            parameter["Source"] = "user"

    after(DBInstance, "__init__", made)
    after(DBParameterGroup, "update_parameters", set_by_user)
