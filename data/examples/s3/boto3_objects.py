# %% [markdown]
# # Objects in the lake, with boto3
# Lists the bucket with the examples, writes an object, reads it and takes it away again. boto3
# finds the store by the environment: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY.

# %%
import os
import uuid

import boto3

bucket = os.environ.get("EXAMPLES_BUCKET", "examples")
s3 = boto3.client("s3")

# %%
listed = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
print(f"{len(listed)} objects in {bucket}, such as {listed[0]}")

# %%
key = f"scratch/{uuid.uuid4()}.txt"
s3.put_object(Bucket=bucket, Key=key, Body=b"written by boto3")
body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
s3.delete_object(Bucket=bucket, Key=key)
print(f"{key}: {body.decode()}")
assert body == b"written by boto3"
