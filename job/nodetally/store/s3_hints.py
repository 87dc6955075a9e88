"""What S3's error codes and the client's exceptions mean, and what to do about each. Pure; speaks to nobody."""

from collections.abc import Mapping

# The IAM actions that each operation needs; without s3:ListBucket S3 answers 403 for a key that is not there.
_ACTIONS: Mapping[str, str] = {
    "GetObject": "s3:GetObject on {arn}{bucket}/{prefix}* and s3:ListBucket on {arn}{bucket}",
    "HeadObject": "s3:GetObject on {arn}{bucket}/{prefix}* and s3:ListBucket on {arn}{bucket}",
    "PutObject": "s3:PutObject on {arn}{bucket}/{prefix}*",
    "ListObjectsV2": "s3:ListBucket on {arn}{bucket}",
    "DeleteObject": "s3:DeleteObject on {arn}{bucket}/{prefix}*",
}
_NO_CREDENTIALS = (
    "give it credentials: an IAM role (EKS: IRSA or Pod Identity), AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; see who you are with: aws sts get-caller-identity"
)
_EXPIRED = "the credentials have expired: get new ones (aws sso login, or restart the pod to renew its role)"
_REFUSED = "allow {action}; if the bucket is encrypted with a KMS key, kms:GenerateDataKey and kms:Decrypt on it, too"
_DENIED = (
    "a policy denies this by name, and no right helps against that: look into the bucket's policy (networks, accounts, "
    "an encryption header, which is not sent: docs/install.md), and the organization's"
)
_KEY = "the bucket's KMS key cannot be used: enable it, or give the bucket another default (aws kms describe-key)"
_BUSY = "S3 asked to slow down and still did after {attempts}: the next pass tries again; pass less often"
_SERVER = "the server failed {times}: the next pass tries again; if it stays so, look at the server's log"
_NETWORK = (
    "is it up and reachable from here? try: curl -sv {endpoint}; check AWS_ENDPOINT_URL_S3, proxy and egress rules"
)
_REGION = "set AWS_REGION to the bucket's region: aws s3api get-bucket-location --bucket {bucket}"
_NO_CONDITIONS = (
    "this S3 server cannot do conditional puts (If-None-Match, If-Match), which the store rests on: use another; or it "
    "knows no added checksums: AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
)

_BY_CODE: Mapping[str, str] = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidToken": "AWS_SESSION_TOKEN does not belong to the key: set all three variables anew, or unset it",
    "InvalidAccessKeyId": "this access key is unknown there: check AWS_ACCESS_KEY_ID, AWS_PROFILE and the endpoint",
    "SignatureDoesNotMatch": "the secret does not belong to the access key: check AWS_SECRET_ACCESS_KEY; if the server "
    "is not AWS', it may not know added checksums: AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it (timedatectl, chrony)",
    "NoSuchBucket": "make it (aws s3 mb s3://{bucket}), or correct --store",
    "InvalidBucketName": "correct the bucket's name in --store",
    "AccessDenied": _REFUSED,
    "AllAccessDisabled": _REFUSED,
    "AccountProblem": _REFUSED,
    "403": _REFUSED,
    "KMS.DisabledException": _KEY,
    "KMS.NotFoundException": _KEY,
    "SlowDown": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "503": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalError": _SERVER,
    "500": _SERVER,
    "502": _SERVER,
    "504": _SERVER,
    "RequestTimeout": _NETWORK,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
    "NotImplemented": _NO_CONDITIONS,
    "501": _NO_CONDITIONS,
    "XMinioStorageFull": "the server's disk is full: make room there",
    "QuotaExceeded": "the bucket's quota is used up: raise it, or delete old snapshots",
}
_BY_EXCEPTION: Mapping[str, str] = {
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "CredentialRetrievalError": _NO_CREDENTIALS,
    "MetadataRetrievalError": _NO_CREDENTIALS,
    "ProfileNotFound": "correct AWS_PROFILE, or add the profile: aws configure --profile NAME",
    "ConfigParseError": "correct the file that AWS_CONFIG_FILE names (or ~/.aws/config)",
    "TokenRetrievalError": _EXPIRED,
    "SSOTokenLoadError": _EXPIRED,
    "UnauthorizedSSOTokenError": _EXPIRED,
    "LoginRefreshRequired": _EXPIRED,
    "SSLError": "the certificate is not trusted here: set AWS_CA_BUNDLE to the CA's file",
    "ProxyConnectionError": "the proxy does not answer: check HTTPS_PROXY and NO_PROXY",
    "NoRegionError": "set AWS_REGION",
    "FlexibleChecksumError": "what arrived is not what was sent: try again, and look for a proxy that changes bodies",
}


def hint_for_code(
    code: str, operation: str, *, bucket: str, prefix: str, attempts: int, partition: str = "aws", said: str = ""
) -> str:
    """What to do about an error that S3 answered with; `said`: its message.

    >>> hint_for_code("AccessDenied", "PutObject", bucket="b", prefix="p/", attempts=1)[:46]
    'allow s3:PutObject on arn:aws:s3:::b/p/*; if t'
    """
    if "explicit deny" in said:  # as IAM writes it (User Guide, access denied error messages)
        return _DENIED
    actions = _ACTIONS.get(operation, "the operation on {arn}{bucket}")
    return _BY_CODE.get(code, "see the code in S3's list of error responses, and the server's log").format(
        bucket=bucket,
        attempts="1 attempt" if attempts == 1 else f"{attempts} attempts",
        times="once" if attempts == 1 else f"{attempts} times",
        endpoint=f"the endpoint of {bucket}",
        action=actions.format(bucket=bucket, prefix=prefix, arn=f"arn:{partition}:s3:::"),
    )


def hint_for_exception(names: list[str], *, bucket: str, endpoint: str) -> str:
    """What to do about an error of the client itself, by its class's names, nearest first."""
    known = next((_BY_EXCEPTION[name] for name in names if name in _BY_EXCEPTION), _NETWORK)
    return known.format(bucket=bucket, endpoint=endpoint)
