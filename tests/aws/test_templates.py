"""The CloudFormation templates: read by cfn-lint, deployed in process, and what that does not know read as text."""

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
import yaml
from cfnlint.decode import cfn_yaml
from click.testing import CliRunner
from moto import mock_aws

from functions import SCHEDULED
from nodetally.aws_lambda.emf import NAMESPACE
from nodetally.aws_lambda.events import passes_asked
from nodetally.cli.policy import policy
from nodetally.cli.run import run
from nodetally.store.layout import is_cluster_name
from nodetally.store.policy import PURPOSES
from nodetally.store.policy import policy as make_policy
from paths import PACKAGE

AWS = PACKAGE.parent.parent / "infra" / "aws"
REGION = "eu-west-1"
NAMES = ("template", "cluster", "irsa")
CODE = {"ClusterName": "prod", "CodeBucket": "code", "CodeKey": "nodetally.zip"}
Json = dict[str, Any]


def parsed(name: str) -> Json:
    """The template with its short forms spelled out, as `Fn::If` and the like."""
    read: Json = json.loads(json.dumps(cfn_yaml.load(str(AWS / f"{name}.yaml"))))
    return read


TEMPLATE = parsed("template")
RESOURCES: Json = TEMPLATE["Resources"]


def test_cfn_lint_has_nothing_to_say() -> None:
    """Types, properties, references, regions."""
    files = [str(AWS / f"{name}.yaml") for name in NAMES]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--include-checks", "I", "--", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


class Cloud:
    """moto's: stacks are made at once."""

    def __init__(self) -> None:
        for name in ("s3", "cloudformation", "iam", "lambda", "events", "logs"):
            setattr(self, name, boto3.client(name, region_name=REGION))
        self.s3: Any
        self.cloudformation: Any
        self.iam: Any
        self.events: Any
        self.logs: Any
        self.s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})

    def deploy(self, stack: str, template: str, **parameters: str) -> dict[str, str]:
        """The stack's outputs."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tried to parse")  # types that moto does not know are left out
            self.cloudformation.create_stack(
                StackName=stack,
                TemplateBody=(AWS / f"{template}.yaml").read_text(),
                Capabilities=["CAPABILITY_IAM"],
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            )
            [made] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        assert made["StackStatus"] == "CREATE_COMPLETE"
        return {each["OutputKey"]: each["OutputValue"] for each in made.get("Outputs", [])}

    def policies(self, role_arn: str) -> dict[str, list[Json]]:
        """A role's statements by policy."""
        role = role_arn.rpartition("/")[2]
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        found = {name: self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
        return {name: (yaml.safe_load(it) if isinstance(it, str) else it)["Statement"] for name, it in found.items()}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        made = Cloud()
        made.s3.put_object(Bucket="code", Key="nodetally.zip", Body=EMPTY_ZIP)
        yield made


EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def printed(*arguments: str) -> list[Json]:
    """What `nodetally policy` prints."""
    done = CliRunner().invoke(policy, arguments, catch_exceptions=False)
    statements: list[Json] = json.loads(done.output)["Statement"]
    return statements


def rights(statements: list[Json]) -> set[tuple[str, str]]:
    """(action, resource), however they are grouped."""

    def each(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value]

    assert all(statement["Effect"] == "Allow" and "Condition" not in statement for statement in statements)
    return {(act, on) for one in statements for act in each(one["Action"]) for on in each(one["Resource"])}


def test_the_stack_is_made_and_its_role_may_what_policy_prints(cloud: Cloud) -> None:
    """To the letter, for the bucket that was made; besides its own log, and the one cluster's address."""
    made = cloud.deploy("nodetally", "template", **CODE, AccessEntry="no")
    policies = cloud.policies(made["RoleArn"])
    assert policies.pop("store") == printed("--store", made["Store"])
    assert rights(policies.pop("logs")) == {
        (f"logs:{action}", f"arn:aws:logs:{REGION}:123456789012:log-group:/aws/lambda/nodetally")
        for action in ("CreateLogStream", "PutLogEvents")
    }
    cluster = f"arn:aws:eks:{REGION}:123456789012:cluster/prod"
    assert rights(policies.pop("endpoint")) == {("eks:DescribeCluster", cluster)}
    assert policies == {}
    [group] = cloud.logs.describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/aws/lambda/nodetally", 30)


def test_rights_come_with_what_needs_them(cloud: Cloud) -> None:
    """A given address takes the right to ask for it away; a backfill brings its own, and a network Lambda's."""
    made = cloud.deploy(
        "nodetally",
        "template",
        **CODE,
        AccessEntry="no",
        ClusterEndpoint="https://example",
        ClusterAuthority="QQ==",
        Backfill="yes",
        BackfillBucket="velero",
    )
    policies = cloud.policies(made["RoleArn"])
    assert policies.keys() == {"store", "logs", "backfill", "past"}
    bucket, prefix = made["Store"].removeprefix("s3://").split("/")
    wanted = make_policy([(bucket, prefix, PURPOSES["backfill"])])["Statement"]
    assert rights(policies["store"]) | rights(policies["backfill"]) == rights(wanted)
    assert rights(policies["past"]) == {
        ("s3:GetObject", "arn:aws:s3:::velero/*"),
        ("s3:ListBucket", "arn:aws:s3:::velero"),
    }
    network = RESOURCES["MayJoinNetwork"]
    assert network["Condition"] == "InVpc"
    assert all(action.startswith("ec2:") for action, _ in rights(network["Properties"]["PolicyDocument"]["Statement"]))


def test_the_function_is_told_what_it_knows(cloud: Cloud) -> None:
    """Its variables are the program's; the store is the bucket that was made; nothing is said that is not known."""
    made = cloud.deploy("nodetally", "template", **CODE, AccessEntry="no")
    client: Any = boto3.client("lambda", region_name=REGION)
    function = client.get_function_configuration(FunctionName=made["FunctionName"])
    module, _, name = function["Handler"].rpartition(".")
    assert callable(getattr(sys.modules[module], name))
    variables = {key: value for key, value in function["Environment"]["Variables"].items() if value}
    known = {option.envvar: option.name for option in run.params if isinstance(option, click.Option)}
    assert variables.keys() <= known.keys()
    assert variables == {
        "NODETALLY_STORE": made["Store"],
        "NODETALLY_CLUSTER": "prod",
        "NODETALLY_EKS": "prod",
        "NODETALLY_SLOT_EVERY": "5m",
        "NODETALLY_CACHE": "memory",
    }
    options = [part for key, value in variables.items() for part in (f"--{str(known[key]).replace('_', '-')}", value)]
    assert run.make_context("run", options).params["eks"] == "prod"


def test_the_schedule_calls_the_function_with_the_events_time(cloud: Cloud) -> None:
    """A rule for the first cluster, and one of a further stack, which names its own; both may call."""
    made = cloud.deploy("nodetally", "template", **CODE, AccessEntry="no")
    cloud.deploy(
        "two",
        "cluster",
        ClusterName="two",
        ClusterEndpoint="https://example",
        ClusterAuthority="QQ==",
        AccessEntry="no",
        FunctionArn=made["FunctionArn"],
        RoleArn=made["RoleArn"],
    )
    rules = cloud.events.list_rules()["Rules"]
    targets = [cloud.events.list_targets_by_rule(Rule=rule["Name"])["Targets"] for rule in rules]
    [[first], [second]] = targets
    assert {first["Arn"], second["Arn"]} == {made["FunctionArn"]}
    assert {rule["ScheduleExpression"] for rule in rules} == {"rate(5 minutes)"}
    client: Any = boto3.client("lambda", region_name=REGION)
    allowed = json.loads(client.get_policy(FunctionName=made["FunctionName"])["Policy"])["Statement"]
    assert {each["Condition"]["ArnLike"]["AWS:SourceArn"] for each in allowed} == {rule["Arn"] for rule in rules}
    own = {"trigger": "schedule", "time": SCHEDULED["time"]}
    assert [*passes_asked(SCHEDULED)] == [own]
    template = second["InputTransformer"]
    assert template["InputPathsMap"] == {"time": "$.time"}
    event = json.loads(template["InputTemplate"].replace("<time>", json.dumps(SCHEDULED["time"])))
    address = {"eks": "two", "eks_endpoint": "https://example", "eks_ca": "QQ=="}
    assert [*passes_asked(event)] == [{**own, "cluster": "two", **address}]


def test_deleting_the_stack_leaves_the_bucket(cloud: Cloud) -> None:
    """The record outlives what made it."""
    made = cloud.deploy("nodetally", "template", **CODE, AccessEntry="no")
    cloud.cloudformation.delete_stack(StackName="nodetally")
    assert cloud.s3.head_bucket(Bucket=made["Store"].split("/")[2])
    assert RESOURCES["Bucket"]["DeletionPolicy"] == RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"


def test_the_role_of_a_serviceaccount_is_its_alone(cloud: Cloud) -> None:
    """The rights that `policy` prints, the cache's included, for one ServiceAccount of one cluster."""
    issuer = "oidc.eks.eu-west-1.amazonaws.com/id/0123"
    plain = cloud.deploy("plain", "irsa", Issuer=issuer, Bucket="bucket", Prefix="some/prefix")
    assert cloud.policies(plain["RoleArn"]) == {"store": printed("--store", "s3://bucket/some/prefix")}
    cached = cloud.deploy(
        "cached", "irsa", Issuer=f"https://{issuer}", Bucket="bucket", CacheBucket="private", Namespace="ops"
    )
    policies = cloud.policies(cached["RoleArn"])
    wanted = printed("--store", "s3://bucket/nodetally", "--cache", "s3://private/nodetally")
    assert rights(policies["store"] + policies["cache"]) == rights(wanted)
    role = cloud.iam.get_role(RoleName=cached["RoleArn"].rpartition("/")[2])["Role"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}
    told = {f"{issuer}:sub": "system:serviceaccount:ops:nodetally", f"{issuer}:aud": "sts.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": told}


def test_the_bucket_is_private_encrypted_and_versioned() -> None:
    """Asserted on the template: moto does not keep these."""
    bucket = RESOURCES["Bucket"]["Properties"]
    blocked = bucket["PublicAccessBlockConfiguration"]
    assert list(blocked.values()) == [True] * 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    said = {key for rule in rules for key in rule} - {"Id", "Status"}
    assert said == {"NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker", "AbortIncompleteMultipartUpload"}


def test_the_bucket_takes_tls_only_and_one_distribution_reads_what_a_page_reads() -> None:
    """The same keys as in the policy that the docs give for a distribution made by hand."""
    statements = RESOURCES["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    deny, page = statements
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert deny["Resource"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]
    condition, allow, otherwise = page["Fn::If"]
    assert (condition, otherwise) == ("HasPage", {"Ref": "AWS::NoValue"})
    by_hand = json.loads((PACKAGE.parent.parent / "docs/dashboard/bucket-policy-cloudfront.json").read_text())
    [theirs] = by_hand["Statement"]
    keys = [each["Fn::Sub"].removeprefix("${Bucket.Arn}/${Prefix}/") for each in allow["Resource"]]
    assert keys == [each.removeprefix("arn:aws:s3:::BUCKET/PREFIX/") for each in theirs["Resource"]]
    assert {name: allow[name] for name in ("Effect", "Principal", "Action")} == {
        name: theirs[name] for name in ("Effect", "Principal", "Action")
    }
    assert allow["Condition"].keys() == theirs["Condition"].keys() == {"StringEquals"}


def test_the_page_is_asked_for_signed_and_behind_a_login() -> None:
    """Not at all by default; what there is of it depends on that."""
    assert TEMPLATE["Parameters"]["Page"]["Default"] == "no"
    made = {name for name, each in RESOURCES.items() if each["Type"].startswith("AWS::CloudFront::")}
    assert {RESOURCES[name]["Condition"] for name in made - {"Login"}} == {"HasPage"}
    access = RESOURCES["OriginAccess"]["Properties"]["OriginAccessControlConfig"]
    assert (access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4")
    distribution = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
    [origin] = distribution["Origins"]
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccess", "Id"]}
    assert origin["OriginPath"] == {"Fn::Sub": "/${Prefix}"}
    assert distribution["DefaultRootObject"] == "index.html"
    behaviour = distribution["DefaultCacheBehavior"]
    assert (behaviour["ViewerProtocolPolicy"], behaviour["AllowedMethods"]) == ("redirect-to-https", ["GET", "HEAD"])
    assert behaviour["FunctionAssociations"]["Fn::If"][0] == RESOURCES["Login"]["Condition"] == "HasLogin"
    headers = RESOURCES["Headers"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["ContentSecurityPolicy"]["ContentSecurityPolicy"] == "frame-ancestors 'none'"


@pytest.mark.parametrize("name", ["template", "cluster"])
def test_alarms_watch_what_the_function_writes(name: str) -> None:
    """No snapshot of this cluster is an alarm, and so is no word at all."""
    stale = parsed(name)["Resources"]["Stale"]["Properties"]
    assert (stale["Namespace"], stale["MetricName"]) == (NAMESPACE, "pass_success")
    assert stale["Dimensions"] == [{"Name": "cluster", "Value": {"Ref": "ClusterName"}}]
    assert (stale["Statistic"], stale["TreatMissingData"]) == ("Sum", "breaching")
    assert (stale["ComparisonOperator"], stale["Threshold"]) == ("LessThanThreshold", 1)


def test_a_failing_function_is_an_alarm() -> None:
    """By what Lambda itself counts, so a function that cannot even start is one."""
    failing = RESOURCES["Failing"]["Properties"]
    assert (failing["Namespace"], failing["MetricName"]) == ("AWS/Lambda", "Errors")
    assert failing["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Function"}}]
    assert RESOURCES["Retries"]["Properties"]["MaximumRetryAttempts"] == 2


@pytest.mark.parametrize("name", ["template", "cluster"])
def test_the_access_entry_is_in_the_group_that_the_cluster_role_is_for(name: str) -> None:
    """And the group may list and watch, nothing else."""
    entry = parsed(name)["Resources"]["Access"]
    role, binding = yaml.safe_load_all((AWS / "cluster-role.yaml").read_text())
    assert (entry["Condition"], entry["Properties"]["Type"]) == ("MakesAccessEntry", "STANDARD")
    [subject] = binding["subjects"]
    assert (subject["kind"], [subject["name"]]) == ("Group", entry["Properties"]["KubernetesGroups"])
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    allowed = {
        (group, each, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for each in rule["resources"]
        for verb in rule["verbs"]
    }
    listed = {("", "pods", "list"), ("", "nodes", "list"), ("metrics.k8s.io", "nodes", "list")}
    assert allowed == listed | {("", "pods", "watch"), ("", "nodes", "watch")}


def test_every_parameter_is_used_and_shown() -> None:
    """None is left of a template that was changed; the console shows each in its group."""
    for name in NAMES:
        text = (AWS / f"{name}.yaml").read_text()
        for parameter in parsed(name)["Parameters"]:
            assert f"!Ref {parameter}" in text or f"${{{parameter}}}" in text, (name, parameter)
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [each for group in groups for each in group["Parameters"]]
    assert sorted(shown) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("name", ["template", "cluster"])
@pytest.mark.parametrize("cluster", ["a", "prod_eu-1", "x" * 63, "x" * 64, "ends-", "ends_"])
def test_a_clusters_name_is_refused_before_a_pass_would_refuse_it(name: str, cluster: str) -> None:
    """EKS allows a hundred characters, and any of its own at the end; a key does not."""
    pattern = parsed(name)["Parameters"]["ClusterName"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, cluster)) is is_cluster_name(cluster)
