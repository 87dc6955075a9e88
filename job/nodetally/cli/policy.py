"""`nodetally policy`: the IAM policy for a bucket, as JSON on stdout. Asks nobody anything."""

import json

import click

from nodetally.cli.options import option
from nodetally.settings import CACHE_IN_MEMORY, CACHE_OFF
from nodetally.store.open import bucket_and_prefix
from nodetally.store.policy import CACHE, PURPOSES
from nodetally.store.policy import policy as make_policy


@click.command(short_help="Print the IAM policy that a command needs for its bucket.")
@option("--store", metavar="URL", required=True, help="s3://bucket/prefix.")
@option(
    "--for",
    "purpose",
    envvar="NODETALLY_POLICY_FOR",  # NODETALLY_FOR says how long `run --every` goes on
    type=click.Choice(list(PURPOSES)),
    default="run",
    show_default=True,
    help="read: show, diff, history, status, store verify and ls, dashboard serve; dashboard: dashboard publish.",
)
@option("--cache", metavar="URL", default=CACHE_OFF, help="The job's --cache, if it is in S3.")
@click.option(
    "--partition",
    metavar="NAME",
    default="aws",
    show_default=True,
    help="Where the bucket is: aws, aws-us-gov (GovCloud), aws-cn (China), ….",
)
def policy(store: str, purpose: str, cache: str, partition: str) -> None:
    """Print the least that a command must be allowed in its bucket.

    \b
    nodetally policy --store s3://bucket/prefix --cache s3://private-bucket/prefix > policy.json
    aws iam put-role-policy --role-name nodetally --policy-name nodetally --policy-document file://policy.json

    A bucket encrypted with a KMS key of yours needs kms:Decrypt and kms:GenerateDataKey on that key besides.
    """
    places = [(*bucket_and_prefix(store), PURPOSES[purpose])]
    if cache not in (CACHE_OFF, CACHE_IN_MEMORY):
        places.append((*bucket_and_prefix(cache), CACHE))
    click.echo(json.dumps(make_policy(places, partition), indent=2))
