"""A server of S3, for anchors that are buckets."""

from tests.fixtures.servers.s3 import s3

__all__ = ["s3"]
